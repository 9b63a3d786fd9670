height = 640
load root."/experiments/style.gp"
functions = results."/functions.csv"
names = "square cube fourth_power sine cosine exponential squared_sine exponential_square tanh positive_part"
array title_of[10] = ["x^2", "x^3", "x^4", "sin(pi x)", "cos(pi x)", "exp(x)", "sin^2(pi x)", "exp(x^2)", "tanh(x)", "max(0, x)"]

set multiplot layout 2, 5 title "{/:Bold Ten functions alone: most fall faster than N^{-1} at first}" font ",14" margins 0.06, 0.99, 0.1, 0.88 spacing 0.035, 0.13
set logscale xy
set xrange [1.5:110]
set yrange [1e-8:1e-2]
set xtics (2, 5, 10, 20, 50)
unset key
do for [f = 1:10] {
    set title title_of[f]
    if (f > 5) { set xlabel "neurons N" } else { unset xlabel }
    if (f % 5 == 1) { set ylabel "loss"; set format y "10^{%T}" } else { unset ylabel; set format y "" }
    plot functions skip 1 using (strcol(1) eq word(names, f) ? $4 : NaN):5 with points pointtype 7 pointsize 0.7 linecolor rgb blue, \
         1.4e-4 / x with lines dashtype 2 linewidth 1.5 linecolor rgb "black"
}
unset multiplot
