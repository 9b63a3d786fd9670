height = 760
load root."/experiments/style.gp"
curves = results."/penalized/curves.csv"
correlations = results."/penalized/correlations.csv"
array alpha[4] = [3.53, 9.07, 19.33, 128]

set multiplot layout 2, 4 title "{/:Bold Mirror pairs as modules: at large alpha their errors are large, of either sign, and cancel in the sum}" \
    font ",14" margins 0.06, 0.94, 0.08, 0.89 spacing 0.06, 0.13
unset key
set xlabel "x"
set xrange [-1:1]
set xtics 1
set format y "%g"
set palette defined (-1 blue, 0 "white", 1 vermilion)
set cbrange [-1:1]
do for [a = 1:4] {
    set title sprintf("alpha = %g", alpha[a])
    if (a == 1) { set ylabel "error of each module, e(x)" } else { unset ylabel }
    stats curves skip 1 using (abs($1 / alpha[a] - 1) < 1e-3 ? $2 : NaN) nooutput
    plot for [m = 1:int(STATS_max)] curves skip 1 using (abs($1 / alpha[a] - 1) < 1e-3 && $2 == m ? $3 : NaN):4 with lines linewidth 2, \
         0 with lines linecolor rgb "black" linewidth 0.5
}
unset title
unset grid
set xlabel "module"
set xtics autofreq
set size square
do for [a = 1:4] {
    if (a == 1) { set ylabel "module" } else { unset ylabel }
    set xrange [*:*]
    set yrange [*:*]
    stats correlations skip 1 using (abs($1 / alpha[a] - 1) < 1e-3 ? $2 : NaN) nooutput
    set xrange [0.5:STATS_max + 0.5]
    set yrange [0.5:STATS_max + 0.5]
    set xtics 1, STATS_max > 5 ? 2 : 1
    set ytics 1, STATS_max > 5 ? 2 : 1
    if (a == 4) { set colorbox user origin 0.952, 0.1 size 0.012, 0.3; set cblabel "correlation" } else { unset colorbox }
    plot correlations skip 1 using (abs($1 / alpha[a] - 1) < 1e-3 ? $2 : NaN):3:(0.47):(0.47):4 with boxxyerror fillstyle solid linecolor palette
}
unset multiplot
