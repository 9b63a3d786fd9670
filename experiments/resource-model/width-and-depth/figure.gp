width = 1500
height = 520
load root."/experiments/style.gp"
means = results."/means.csv"
exponents = results."/exponents.csv"
array title_of[3] = ["64 squares side by side, weighted 1/k", "64 squares side by side, weighted 1/k^2", "in series: sqrt((x_1-x_2)^2 + (x_3-x_4)^2)"]
array family[3] = ["width grows, one layer", "width grows, four layers", "depth = width / 8: both grow"]
array color[3] = [blue, orange, vermilion]
array shape[3] = [7, 5, 9]
chosen(t, f) = ($1 == t && $2 == f ? $5 : NaN)

set multiplot title "{/:Bold Loss against parameters: whether depth pays is up to the task, and so is the exponent}" font ",14"
set logscale xy
set xrange [40:80000]
set format x "10^{%T}"
set xlabel "parameters"
set tmargin at screen 0.85
set bmargin at screen 0.13
do for [t = 1:3] {
    set lmargin at screen 0.05 + 0.24 * (t - 1)
    set rmargin at screen 0.05 + 0.24 * (t - 1) + 0.195
    set title title_of[t] font ",11"
    if (t == 1) { set ylabel "loss, geometric mean and range of the seeds" offset 1 } else { unset ylabel }
    if (t < 3) { set xrange [800:60000]; set yrange [1e-3:1e-1]; unset key }
    if (t == 3) { set xrange [30:60000]; set yrange [1e-7:1e-2]; set key bottom left reverse Left font ",10" }
    stats means using ($1 == t && $2 == 3 ? $5 : NaN):6 name "S" nooutput
    plot for [f = 1:3] means skip 1 using (chosen(t, f)):6:7:8 with yerrorbars pointtype shape[f] pointsize 1.1 linewidth 1.5 linecolor rgb color[f] title family[f], \
         for [f = 1:3] means skip 1 using (chosen(t, f)):6 with lines linewidth 1.5 linecolor rgb color[f] notitle, \
         S_max_y * (x / S_min_x) ** (-1.0 / 3) with lines dashtype 2 linewidth 1.5 linecolor rgb "black" title "parameters^{-1/3}"
}
unset logscale
set lmargin at screen 0.815
set rmargin at screen 0.99
set title "exponent of loss against parameters" font ",11"
set format x "%g"
set xlabel "exponent (bar: 95 % interval)"
set xrange [-1.7:0.15]
set yrange [0.3:11.3]
set xtics autofreq 0.5
set ytics ("squares, 1/k" 8, "squares, 1/k^2" 5, "series" 2)
set grid noytics
set arrow 1 from -1.0 / 3, 0.3 to -1.0 / 3, 9.4 nohead dashtype 2 linewidth 1.5
set label 1 "-1/3; Chinchilla -0.34" at -1.0 / 3, 9.75 center font ",10"
do for [line = 1:2] {
    set arrow 1 + line from -1.7, 3 * line + 0.5 to 0.15, 3 * line + 0.5 nohead linecolor rgb pale
}
set key top left reverse Left font ",10"
plot for [f = 1:3] exponents skip 1 using ($2 == f ? $3 : NaN):(3 * (3 - $1) + 4 - f):4:5 with xerrorbars pointtype shape[f] pointsize 1.2 linewidth 2 linecolor rgb color[f] notitle, \
     exponents skip 1 using 6:(3 * (3 - $1) + 4 - $2) with points pointtype 2 pointsize 1 linewidth 1.5 linecolor rgb "black" title "1 / width, the resource model"
unset multiplot
