width = 1300
height = 780
load root."/experiments/style.gp"
models = results."/models.csv"
pairs = results."/pairs.csv"
array color[3] = [blue, orange, vermilion]
array shape[3] = [7, 5, 9]
array layers[3] = ["one layer", "two layers", "three layers"]
stats pairs using 1 nooutput
n = int(STATS_max)
# Pairs lie in the order of their functions, then of their weights, as many for each.
of(p, c) = system(sprintf("awk -F, '$1 == %d { print $%d }' \"$results/pairs.csv\" | tr _ ' '", p, c))
weights = 1
while (weights < n && of(weights + 1, 2) eq of(1, 2)) { weights = weights + 1 }
columns = n / weights
parameter(name, k) = real(system(sprintf("awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } \
    $1 == %d { print $at[\"%s\"]; found = 1 } END { if (!found) print 0 }' \"$results/fits/ratio-total.csv\"", k, name)))
array a[3]
array b[3]

set multiplot layout 3, columns title "{/:Bold Two subtasks in one network: as it grows, does the ratio of their neurons stay?}" font ",14" \
    margins 0.065, 0.985, 0.075, 0.895 spacing 0.025, 0.035
set logscale xy 2
set xrange [4:110]
set xtics (5, 10, 20, 40, 80)
set ytics (0.125, 0.25, 0.5, 1, 2, 4, 8)
set yrange [0.12:8.5]
unset key
do for [w = 1:weights] {
    set label w "weights ".of(w, 3) at screen 0.27 + 0.17 * (w - 1), 0.947 offset 1, 0 point pointtype shape[w] pointsize 1 linecolor rgb color[w] front
}
do for [d = 1:3] {
    do for [c = 1:columns] {
        name = d == 1 ? of((c - 1) * weights + 1, 2) : ""
        set title name offset 0, -0.5
        if (d == 3) { set xlabel "neurons in all (by ablation)"; set format x "%g" } else { unset xlabel; set format x "" }
        if (c == 1) { set ylabel layers[d].": N_1 / N_2"; set format y "%g" } else { unset ylabel; set format y "" }
        do for [w = 1:weights] {
            a[w] = parameter("a", 10 * ((c - 1) * weights + w) + d)
            b[w] = parameter("b", 10 * ((c - 1) * weights + w) + d)
        }
        plot for [w = 1:weights] models skip 1 using ($1 == 10 * ((c - 1) * weights + w) + d ? $9 : NaN):10 with points pointtype shape[w] pointsize 0.9 linecolor rgb color[w] \
                 notitle, \
             for [w = 1:weights] a[w] * x ** -b[w] with lines linewidth 1.2 linecolor rgb color[w] notitle, \
             1 with lines dashtype 2 linewidth 1 linecolor rgb "black" notitle
        unset label
    }
}
unset multiplot
