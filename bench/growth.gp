# Draws results/growth.csv, costs against what is asked for, and the fitted exponents, as `picture`.
height = 560
load "../experiments/style.gp"
set datafile missing ""
set multiplot layout 1, 2
set logscale xy
set format x "10^{%T}"
set xlabel "how many"
set key bottom right font ",10"

whats = "'plan M' 'sweep M' 'fit F' 'fit N' H S"
array color[6] = [blue, vermilion, green, orange, purple, sky]
array title_[6] = ["plan M models", "train and store M tiny models", "fit F groups", "fit N points", "one model of H neurons", "one model of S samples"]
of(what) = sprintf("<awk -F, '$1 == \"%s\"' %s/growth.csv", what, results)
field(cost, what, name) = system(sprintf("awk -F, -v what='%s' -v name=%s 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } $at[\"what\"] == what { print $at[name] }' %s/growth-%s.csv", what, name, results, cost)) + 0
array start[6]; array each[6]; array exponent[6]; array power[6]
do for [i = 1:6] {
    start[i] = field("seconds", word(whats, i), "start")
    each[i] = field("seconds", word(whats, i), "each")
    exponent[i] = field("seconds", word(whats, i), "exponent")
    width = field("seconds", word(whats, i), "exponent_upper") - field("seconds", word(whats, i), "exponent_lower")
    power[i] = width > 0 && width < 1 ? sprintf(": n^{%.2f}", exponent[i]) : ""
}

set ylabel "seconds"
plot for [i = 1:6] of(word(whats, i)) using 2:3 with points pointtype 7 linecolor rgb color[i] \
         title title_[i].power[i], \
     for [i = 1:6] of(word(whats, i)) using 2:(power[i] ne "" ? start[i] + each[i] * $2 ** exponent[i] : NaN) with lines linewidth 1.5 linecolor rgb color[i] notitle

set ylabel "resident memory, MiB"
set format y "%g"
set yrange [1:*]
set key top left
plot for [i = 1:4] of(word(whats, i)) using 2:4 with linespoints pointtype 7 linewidth 1.5 linecolor rgb color[i] title title_[i]
unset multiplot
