height = 760
load root."/experiments/style.gp"
array task[2] = ["squares", "parities"]
array heading[2] = ["64 squares side by side, weights k^{-1}", "64 parities by control, shares k^{-1.4}"]
found(name, letter) = system(sprintf("awk -F, -v c=%s 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $at[c] }' \"$results/fits/%s.csv\"", letter, name)) + 0

set multiplot layout 2, 2 title "{/:Bold 64 subtasks by Zipf's law: they are learned one after the other, the heaviest first}" \
    font ",14" margins 0.07, 0.985, 0.08, 0.88 spacing 0.09, 0.13
set logscale xy
set xlabel "width (hidden neurons)"
set xtics (4, 8, 16, 32, 64, 128, 256)
set xrange [3.5:300]
do for [t = 1:2] {
    set title heading[t]
    set ylabel "total loss, weighted mean"
    set format y "10^{%T}"
    set key bottom left reverse Left
    pa = found(task[t]."-power", "a"); pb = found(task[t]."-power", "b"); c = found(task[t]."-resource", "c")
    a = found(task[t]."-bnsl", "a"); b = found(task[t]."-bnsl", "b"); c0 = found(task[t]."-bnsl", "c0")
    c1 = found(task[t]."-bnsl", "c1"); d1 = found(task[t]."-bnsl", "d1"); f1 = found(task[t]."-bnsl", "f1")
    bnsl(x) = a + b * x**(-c0) * (1 + (x / d1)**(1 / f1))**(-c1 * f1)
    plot results."/".task[t].".csv" skip 1 using 1:($5 == 1 ? $3 : NaN) with points pointtype 7 pointsize 0.9 linecolor rgb "black" title "fitted", \
         results."/".task[t].".csv" skip 1 using 1:($5 == 0 ? $3 : NaN) with points pointtype 6 pointsize 1.1 linewidth 1.5 linecolor rgb "black" title "to be predicted", \
         results."/".task[t]."-quanta.csv" skip 1 using 1:3 smooth unique with lines linewidth 2.5 linecolor rgb vermilion title "quantization model", \
         c / x with lines linewidth 2 linecolor rgb blue title "resource model, c / width", \
         pa * x**(-pb) with lines dashtype 2 linewidth 2 linecolor rgb green title "power law", \
         bnsl(x) with lines dashtype 4 linewidth 2 linecolor rgb purple title "one break"
}
unset title
do for [t = 1:2] {
    set ylabel "subtasks learned; rank"
    set format y "%g"
    set yrange [0.8:80]
    set ytics (1, 2, 4, 8, 16, 32, 64)
    set key top left reverse Left
    plot results."/".task[t].".csv" skip 1 using 1:4 with points pointtype 7 pointsize 0.9 linecolor rgb blue title "learned", \
         results."/".task[t]."-appear.csv" skip 1 using 2:1 with points pointtype 6 pointsize 1.1 linewidth 1.5 linecolor rgb vermilion title "rank against where it appears", \
         x / 2 with lines dashtype 2 linewidth 1.5 linecolor rgb "black" title "a pair of neurons each"
}
unset multiplot
