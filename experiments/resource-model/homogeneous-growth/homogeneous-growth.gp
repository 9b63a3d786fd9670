load root."/experiments/style.gp"
models = results."/models.csv"
array color[8] = [blue, sky, vermilion, orange, green, "#66CDAA", purple, "#DDA0DD"]
stats models skip 1 using 1 nooutput
n = int(STATS_max)
array label[8]
do for [p = 1:n] {
    label[p] = system(sprintf("awk -F, '$1 == %d { print $2 \" and \" $3 \", \" $4 \" : \" 1 - $4; exit }' '%s' | tr _ ' '", p, models))
}
set multiplot layout 1, 2 title "{/:Bold Two subtasks of different functions: as the network grows, does their ratio of neurons stay?}" \
    font ",14" margins 0.06, 0.76, 0.135, 0.89 spacing 0.08
set logscale xy 2
set format y "%g"
set xlabel "neurons in all (by ablation)"
set xtics (5, 10, 20, 40, 80)
set ytics (0.25, 0.5, 1, 2, 4, 8, 16, 32)
set yrange [0.5:16]
set ylabel "neurons of the first subtask / of the second" offset 1
unset key
plot for [p = 1:n] models skip 1 using ($1 == p && int(p) % 2 == 1 ? $9 : NaN):10 with points pointtype 7 pointsize 0.8 linecolor rgb color[p], \
     for [p = 1:n] models skip 1 using ($1 == p && int(p) % 2 == 0 ? $9 : NaN):10 with points pointtype 6 pointsize 0.9 linewidth 1.5 linecolor rgb color[p], \
     1 with lines dashtype 2 linewidth 1 linecolor rgb "black"
set key at screen 0.995, 0.85 right top reverse Left
set logscale y 10
set yrange [1:100]
set ylabel "neurons" offset 1
set xlabel "alpha (weight of the loss against the penalty)"
set xtics (32, 64, 128, 256)
set ytics (1, 2, 5, 10, 20, 50, 100)
plot for [p = 1:n] models skip 1 using ($1 == p ? $5 * (1 + 0.015 * (p - 4)) : NaN):7 with points pointtype (p % 2 ? 7 : 6) pointsize 0.8 linewidth 1.5 linecolor rgb color[p] title label[p], \
     for [p = 1:n] models skip 1 using ($1 == p ? $5 * (1 + 0.015 * (p - 4)) : NaN):8 with points pointtype (p % 2 ? 5 : 4) pointsize 0.6 linecolor rgb color[p] notitle, \
     NaN with points pointtype 7 linecolor rgb "black" title "circles: first subtask", \
     NaN with points pointtype 5 linecolor rgb "black" title "squares: second"
unset multiplot
