load root."/experiments/style.gp"
models = results."/models.csv"
array color[3] = [blue, green, vermilion]
array name[3] = ["l2 alone", "both, as in the paper", "l1 alone"]
K = 64.0 / (1225 * 9 * 144)
kind(k) = (column(1) == k && column(8) == 0 ? 1 : NaN)

set multiplot layout 1, 3 title "{/:Bold One subtask under three penalties: the exponents depend on the penalty and on the function}" \
    font ",14" margins 0.055, 0.99, 0.135, 0.89 spacing 0.075
set logscale xy
set xrange [1.7:90]
set xtics (2, 5, 10, 20, 50)
set xlabel "neurons N (by ablation)"
set ylabel "loss (held-out mean squared error)" offset 1
set yrange [3e-10:3e-4]
set key bottom left reverse Left
plot for [k = 1:3] models skip 1 using ($5 * (1 + 0.02 * (k - 2)) * kind(k)):6 with points pointtype 7 pointsize 0.6 linecolor rgb color[k] title "x^2, ".name[k], \
     K * (4 / x)**(4.0 / 3) with lines dashtype 2 linewidth 1.5 linecolor rgb "black" title "closed form, N^{-4/3}", \
     1.4e-4 / x with lines dashtype 3 linewidth 2 linecolor rgb gray title "N^{-1}"

set key bottom left reverse Left
plot for [k = 4:6] models skip 1 using ($5 * (1 + 0.02 * (k - 5)) * kind(k)):6 with points pointtype 7 pointsize 0.6 linecolor rgb color[k - 3] title "x^3, ".name[k - 3], \
     for [k = 7:9] models skip 1 using ($5 * (1 + 0.02 * (k - 8)) * kind(k)):6 with points pointtype 6 pointsize 0.8 linecolor rgb color[k - 6] title "exp(x), ".name[k - 6], \
     1.4e-4 / x with lines dashtype 3 linewidth 2 linecolor rgb gray title "N^{-1}"

set ylabel "penalty paid" offset 1
set yrange [1e-3:2e-2]
set format y "%g"
set ytics (0.001, 0.002, 0.005, 0.01, 0.02)
set key top left reverse Left
plot for [k = 1:3] models skip 1 using ($5 * (1 + 0.02 * (k - 2)) * kind(k)):7 with points pointtype 7 pointsize 0.6 linecolor rgb color[k] title "x^2, ".name[k], \
     8 * 3e-4 * (x / 4)**(1.0 / 3) with lines dashtype 2 linewidth 1.5 linecolor rgb "black" title "closed form, l2: N^{1/3}"
unset multiplot
