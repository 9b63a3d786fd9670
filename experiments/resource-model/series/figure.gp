load root."/experiments/style.gp"
models = results."/models.csv"
layers = results."/layers.csv"
paper = here."/paper.csv"

set multiplot layout 1, 3 title "{/:Bold Series, sqrt((x_1 - x_2)^2 + (x_3 - x_4)^2): the loss against the neurons, and where the inner function g is held}" \
    font ",14" margins 0.07, 0.99, 0.135, 0.89 spacing 0.08
set logscale xy 10
set xlabel "live neurons in all four layers"
set ylabel "loss (held-out mean squared error)"
set xrange [5:150]
set yrange [1e-6:1e-2]
set xtics (5, 10, 20, 50, 100)
set format y "10^{%T}"
set key top right
plot models skip 1 using ($2 < 1e-3 ? $4 : NaN):6 with points pointtype 7 pointsize 0.5 linecolor rgb blue title "here: l1 = 0.0003", \
     models skip 1 using ($2 > 1e-3 ? $4 : NaN):6 with points pointtype 7 pointsize 0.5 linecolor rgb purple title "here: l1 = 0.003", \
     paper skip 1 using 1:2 with points pointtype 6 pointsize 1.3 linewidth 2 linecolor rgb vermilion title "the paper", \
     1.7e-3 * x**(-1.8) with lines dashtype 3 linewidth 2 linecolor rgb gray title "N^{-1.8}"

set xlabel "alpha (loss against penalty)"
set ylabel "neurons of a layer, mean; l1 = 0.003"
set xrange [7:15000]
set xtics (10, 100, 1000, 10000)
set yrange [0.8:40]
set format y "%g"
set ytics (1, 2, 5, 10, 20)
set key bottom right
plot for [l = 1:4] layers skip 1 using ($3 == l && $2 > 1e-3 ? $1 : NaN):4 with points pointtype 7 pointsize 0.8 linecolor rgb word(blue." ".vermilion." ".purple." ".gray, l) title sprintf("layer %d", l)

set ylabel "|correlation| with g of live neurons; l1 = 0.003"
unset logscale y
set yrange [0:1.45]
set ytics 0, 0.2, 1
set key top left reverse Left maxrows 3 samplen 0.5
plot for [l = 2:4] layers skip 1 using ($3 == l && $2 > 1e-3 ? $1 * (0.85 + 0.15 * (l - 2)) : NaN):8 with points pointtype 7 pointsize 0.8 linecolor rgb word(blue." ".vermilion." ".purple." ".gray, l) title sprintf("layer %d, most", l), \
     for [l = 2:4] layers skip 1 using ($3 == l && $2 > 1e-3 ? $1 * (0.85 + 0.15 * (l - 2)) : NaN):9 with points pointtype 6 pointsize 0.8 linecolor rgb word(blue." ".vermilion." ".purple." ".gray, l) title sprintf("least", l)
unset multiplot
