load root."/experiments/style.gp"
budget = results."/budget.csv"
ratio = results."/fits/budget-ratio.csv"
derived = results."/derived-budget.csv"
array color[5] = [blue, sky, vermilion, green, orange]
array name[5] = ["SiLU, l2", "SiLU, l1 and l2", "ReLU, l2", "SiLU, l1", "ReLU, no penalty"]

set multiplot layout 1, 2 title "{/:Bold A hard budget: networks pruned to N neurons and trained on}" \
    font ",14" margins 0.065, 0.99, 0.135, 0.89 spacing 0.1
set logscale xy
set xrange [1.7:19]
set xtics (2, 4, 6, 8, 12, 16)
set xlabel "neurons N that are kept"
set ylabel "loss of x^2 (held-out mean squared error)" offset 1
set yrange [3e-8:1e-1]
set key top right
plot for [k in "0 3 2 4"] budget skip 1 using ($1 == k ? $2 * (1 + 0.02 * (k - 2)) : NaN):5 with points pointtype 7 pointsize 0.6 \
         linecolor rgb color[k + 1] title name[k + 1], \
     derived skip 1 using ($1 == 0 ? $2 : NaN):3 with lines dashtype 2 linewidth 1.5 linecolor rgb "black" title "derived: SiLU, l2", \
     derived skip 1 using ($1 == 2 ? $2 : NaN):3 with lines dashtype 4 linewidth 1.5 linecolor rgb "black" title "derived: ReLU, (N + 1)^{-4}", \
     1e-4 / x with lines dashtype 3 linewidth 2 linecolor rgb gray title "N^{-1}"

set xlabel "neurons N of both subtasks"
set ylabel "N_1 / N_2 at weights 4 : 1, 95 % intervals" offset -1
set xrange [7:28]
set xtics (8, 12, 16, 24)
set yrange [0.85:9]
set format y "%g"
set ytics (1, 1.5, 2, 3, 4)
set key top right maxrows 4
plot for [k in "0 1 3 2 4"] ratio skip 1 using ($1 == k ? $2 * (1 + 0.025 * (k - 2)) : NaN):9:11:12 with yerrorbars pointtype 7 pointsize 0.8 \
         linecolor rgb color[k + 1] title (k == 2 ? "ReLU, l1 and l2" : k == 4 ? "ReLU, l1" : name[k + 1]), \
     derived skip 1 using ($1 == 1 ? $2 : NaN):4 with lines dashtype 2 linewidth 1.5 linecolor rgb "black" title "derived: SiLU, l1 and l2", \
     derived skip 1 using ($1 == 2 ? $2 : NaN):4 with lines dashtype 4 linewidth 1.5 linecolor rgb "black" title "derived: ReLU", \
     2 with lines dashtype 3 linewidth 2 linecolor rgb gray title "square root"
unset multiplot
