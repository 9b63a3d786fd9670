# Draws `rates`, the CSV of bench/run, as `picture`.
height = 600
load "../experiments/style.gp"
set datafile missing ""

rate_of(name) = system(sprintf("awk -F, '$1 == \"%s\" { print $4 }' %s", name, rates)) + 0
peak = rate_of("multiply_add_flops")
cache = rate_of("cache_bytes_per_s")
memory = rate_of("memory_bytes_per_s")
ceiling(x, bytes) = x * bytes < peak ? x * bytes : peak

set logscale xy
set xrange [0.5:3000]
set yrange [peak / 20:peak * 1.6]
set title "Training on all cores: every case beneath what this machine can do of its work" font ",13"
set format x "%g"
set format y "%g"
set xlabel "operations of the least work for each byte that must pass between core and cache"
set ylabel "GFLOP/s; an exponential counts as the operations that it takes here"
set key at graph 0.83, graph 0.02 bottom right
set samples 400
# Of the many cases, the names of those that stand apart.
name_at = 0.46 * peak
named = "(h8 s64 d1 o1|h16 s256 d2 o2|h1024 s64 d2 o2|h128 s256 d8 o1|h1024 s4096 d2 o2) silu"

of(kind) = sprintf("<awk -F, '$1 ~ / %s$/' %s", kind, rates)
short(text) = (i = strstrt(text, "h"), j = strstrt(text, "silu"), text[i:j - 2])
kinds = "silu relu gelu tanh identity sine"
array color[6] = [blue, green, vermilion, orange, gray, purple]

plot ceiling(x, cache) with lines linewidth 2 linecolor rgb "black" \
         title sprintf("multiply-adds %.0f GFLOP/s, cache %.0f GB/s", peak, cache), \
     ceiling(x, memory) with lines linewidth 1.5 dashtype 2 linecolor rgb "black" title sprintf("memory %.0f GB/s", memory), \
     0.6 * ceiling(x, cache) with lines linewidth 1 dashtype 3 linecolor rgb "black" title "60 %", \
     for [i = 1:6] of(word(kinds, i)) using 10:9:($9 * $6 / $7):($9 * $8 / $7) with yerrorbars pointtype 7 pointsize 0.9 \
         linewidth 1.2 linecolor rgb color[i] title word(kinds, i), \
     of(named) using 10:(name_at):(0):($9 * $8 / $7 - name_at) with vectors nohead dashtype 3 linecolor rgb gray notitle, \
     of(named) using 10:(name_at):(short(strcol(1))) with labels rotate by 90 right offset 0, -0.3 font ",10" \
         textcolor rgb "#444444" notitle
