height = 640
load root."/experiments/style.gp"
functions = results."/functions.csv"
array title_of[10] = ["x^2", "x^3", "x^4", "sin(pi x)", "cos(pi x)", "exp(x)", "sin^2(pi x)", "exp(x^2)", "tanh(x)", "max(0, x)"]
array color[3] = [blue, orange, vermilion]
array shape[3] = [7, 5, 9]
array layers[3] = ["one layer", "two layers", "three layers"]

set multiplot layout 2, 5 title "{/:Bold Ten functions alone, in one, two and three layers: the loss against the neurons of all layers}" font ",14" \
    margins 0.07, 0.99, 0.1, 0.88 spacing 0.035, 0.13
set logscale xy
set xrange [1.5:150]
set yrange [1e-9:1e-2]
set xtics (2, 5, 10, 20, 50, 100)
do for [f = 1:10] {
    set title title_of[f]
    if (f == 9) { set key top right font ",9" samplen 1 } else { unset key }
    if (f > 5) { set xlabel "neurons N" } else { unset xlabel }
    if (f % 5 == 1) { set ylabel "loss"; set format y "10^{%T}" } else { unset ylabel; set format y "" }
    plot for [d = 1:3] functions skip 1 using ($1 == 10 * f + d ? $4 : NaN):5 with points pointtype shape[d] pointsize 0.7 linecolor rgb color[d] title layers[d], \
         1.4e-4 / x with lines dashtype 2 linewidth 1.5 linecolor rgb "black" title "N^{-1}"
}
unset multiplot
