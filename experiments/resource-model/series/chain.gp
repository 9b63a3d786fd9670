load root."/experiments/style.gp"
models = results."/chain_models.csv"
layers = results."/chain_layers.csv"
pruned = results."/pruned.csv"
paper = here."/paper.csv"

set multiplot layout 1, 3 title "{/:Bold A chain of three, sin({/Symbol p} sqrt(g(x))); and the series of two without a penalty, pruned}" \
    font ",14" margins 0.07, 0.99, 0.135, 0.89 spacing 0.075
set logscale xy 10
set xlabel "live neurons in all layers"
set ylabel "loss (held-out mean squared error)"
set xrange [5:150]
set yrange [1e-6:1e0]
set xtics (5, 10, 20, 50, 100)
set key top right
plot models skip 1 using 3:5 with points pointtype 7 pointsize 0.6 linecolor rgb blue title "chain of three, held-out", \
     models skip 1 using 3:6 with points pointtype 6 pointsize 0.6 linecolor rgb blue title "on training samples", \
     pruned skip 1 using ($1 == 1 ? $2 * 0.98 : NaN):4 with points pointtype 7 pointsize 0.6 linecolor rgb green title "two, pruned: inputs to 1", \
     pruned skip 1 using ($1 < 1 ? $2 * 1.02 : NaN):4 with points pointtype 7 pointsize 0.6 linecolor rgb purple title "inputs to 1/2", \
     paper skip 1 using 1:2 with points pointtype 6 pointsize 1.3 linewidth 2 linecolor rgb vermilion title "the paper: two"

unset logscale x
set xlabel "hidden layer"
set xrange [0.5:6.5]
set xtics 1
array alphas[2] = [80, 5120]
array mark[2] = [6, 7]
set ylabel "what a line reads wrong, share of the variance" offset 1
set yrange [1e-6:1e2]
plot for [a = 1:2] layers skip 1 using ($1 == alphas[a] && $2 == 0 ? $4 - 0.08 : NaN):($8 / 0.0777) with points pointtype mark[a] linecolor rgb vermilion \
         title sprintf("g, alpha = %d", alphas[a]), \
     for [a = 1:2] layers skip 1 using ($1 == alphas[a] && $2 == 1 ? $4 + 0.08 : NaN):($8 / 0.0615) with points pointtype mark[a] linecolor rgb blue \
         title sprintf("sqrt(g), alpha = %d", alphas[a])

unset logscale y
set format y "%g"
set ylabel "|correlation| of the most correlated live neuron" offset 1
set yrange [0.5:1.15]
set ytics 0.5, 0.1, 1
plot for [a = 1:2] layers skip 1 using ($1 == alphas[a] && $2 == 0 ? $4 - 0.08 : NaN):6 with points pointtype mark[a] linecolor rgb vermilion \
         title sprintf("with g, alpha = %d", alphas[a]), \
     for [a = 1:2] layers skip 1 using ($1 == alphas[a] && $2 == 1 ? $4 + 0.08 : NaN):6 with points pointtype mark[a] linecolor rgb blue \
         title sprintf("with sqrt(g), alpha = %d", alphas[a])
unset multiplot
