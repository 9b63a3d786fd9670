load root."/experiments/style.gp"
set datafile missing NaN
predictions = results."/predictions.csv"
array rate[2] = [0.001, 0.01]
array color[2] = [blue, vermilion]
own(r, c) = (abs($1 / rate[r] - 1) < 0.01 && $3 == 0 ? column(c) : NaN)

set multiplot layout 1, 2 title "{/:Bold No penalty: the variance over seeds does not fall as one over the width}" \
    font ",14" margins 0.07, 0.985, 0.135, 0.89 spacing 0.09
set logscale x 2
set logscale y
set xrange [7:600]
set xtics (8, 16, 32, 64, 128, 256, 512)
set xlabel "width (hidden neurons)"
set key top right reverse Left
do for [r = 1:2] {
    set ylabel sprintf("learning rate %g: squared error", rate[r])
    plot predictions skip 1 using (abs($1 / rate[r] - 1) < 0.01 && $3 > 0 ? $2 * (1 + 0.06 * (rand(0) - 0.5)) : NaN):5 with points pointtype 7 pointsize 0.15 linecolor rgb sky notitle, \
         predictions skip 1 using (own(r, 2)):5 with linespoints pointtype 7 pointsize 0.9 linewidth 2 linecolor rgb blue title "variance over seeds (dots: resamples)", \
         predictions skip 1 using (own(r, 2)):4 with linespoints pointtype 5 pointsize 0.9 linewidth 2 linecolor rgb vermilion title "bias^2: error of the mean prediction", \
         4e-5 / x with lines dashtype 2 linewidth 1.5 linecolor rgb "black" title "width^{-1}: independent neurons"
}
unset multiplot
