#!/usr/bin/env bash
# Fits at the edges of what there is to fit: nothing, little, large numbers, no value. Usage: fit_edges.sh PROGRAM
set -u
# shellcheck source=tests/expect.sh
. "$(dirname "$0")/expect.sh"
always=(fit)

# ---- what is missing in a column is missing in what is made of it, and a law says nothing there --------------------------------
printf 'n,loss\n1,3\n2,2.5\n4,2.2\n,1\n8,2.05\n16,2\n' >lacks.csv
for law in '--let m=max(n,2) --law a+b/m --x m' '--law a+max(b/n,c) --x n'; do
    # shellcheck disable=SC2086 # words
    expect 0 '1 row left out: no number in' lacks.csv $law --y loss --predictions lacks-p.csv
    [ "$(sed -n 5p lacks-p.csv)" = ,1,0,,, ] || fail "a row without x: $(cat lacks-p.csv)"
done

# ---- cells that are no numbers: nobody minds them in rows that are not read ----------------------------------------------------
printf 'n,loss,seen,state\n1,3,1,ok\n2,2.5,#N/A,ok\n4,crash,4,bad\n8,2.05,8,ok\n16,2,16,ok\n"3,200",1,32,bad\n' >words.csv
power=(words.csv --law power --y loss)
expect 2 "words.csv:4: column 'loss': expected a number, found 'crash'; a missing number is written as nothing, NA or NaN" "${power[@]}" --x seen
expect 2 "words.csv:7: column 'n': expected a number, found '3,200'; numbers are written as 1234.5 or 1.2e9" "${power[@]}" --x n --where loss!=crash
expect 0 '' "${power[@]}" --x n --where state=ok --out words-fits.csv
[ "$(column n words-fits.csv)" = 4 ] || fail "rows that are ok: $(cat words-fits.csv)"
expect 0 '1 row left out: no number in seen \(first: line 3\)' "${power[@]}" --x seen --where state=ok
expect 2 "words.csv:4: column 'loss': expected a number" "${power[@]}" --x seen --where 'loss<4'
expect 0 '' "${power[@]}" --x n --where state=ok --train 'loss<2.9' --out words-fits.csv
[ "$(column n words-fits.csv)" = 3 ] || fail "rows that are ok and low: $(cat words-fits.csv)"
expect 2 'in .backquotes.' "${power[@]}" --x seen --let 'twice=2*no column'

# ---- what is to be fitted is told as what is to be read is; a table comes through a pipe ----------------------------------------
expect 0 '' - --law power --x n --y loss --train 'n<=8' --predictions part-p.csv < <(grep -v bad words.csv)
[ "$(column train part-p.csv | tr '\n' ' ')" = '1 1 1 0 ' ] || fail "the last is not fitted: $(cat part-p.csv)"
expect 2 'train: no row has n>99' - --law power --x n --y loss --train 'n > 99' < <(grep -v bad words.csv)
expect 2 "train: 'n', expected COLUMN=VALUE, or !=" "${power[@]}" --x n --train n

# ---- groups go by text, conditions by number: a note where that parts what may belong together -------------------------------------
printf 'g,n,loss\n1e6,1,3\n1e6,2,2\n1000000,4,1.5\n1000000,8,1\n3,1,2\n3,2,1\n' >million.csv
for run in 9007199254740992 9007199254740993; do printf '%s,1,3\n%s,2,2\n' $run $run; done >>million.csv # one double
million=(million.csv --law power --x n --y loss --group g --out million-fits.csv)
expect 0 '^allometer: 1000000 and 1e6 in g are one number, but two groups' "${million[@]}"
[ "$(column g million-fits.csv | tr '\n' ' ')" = '1e6 1000000 3 9007199254740992 9007199254740993 ' ] || fail "groups by text: $(cat million-fits.csv)"
expect 0 '' "${million[@]}" --where g=1e+6
[ "$(wc -l <million-fits.csv)" -eq 3 ] || fail "a condition by number: $(cat million-fits.csv)"
expect 0 '' "${million[@]}" --where g!=1000000
[ -s stderr ] && fail "a note without need: $(cat stderr)"

# ---- a group without a point has no fit, though no parameter is free ----------------------------------------------------------
printf 'g,n,loss\na,1,3\na,2,2\nb,1,\n' >pointless.csv
for law in power 'a*n^-b'; do
    expect 0 'too-few-points \(1 group\)' pointless.csv --law "$law" --x n --y loss --group g --fix a=3,b=0.5
done

# ---- a law that has no value at any start has no objective, though each point has a finite error -------------------------------
expect 1 'law-not-finite' lacks.csv --law power-offset --x n --y loss --fix b=1e308 --out no-value.csv
[ "$(column status no-value.csv),$(column objective no-value.csv)" = law-not-finite, ] || fail "objective of no law: $(cat no-value.csv)"

# ---- what the points leave open has no interval, from resamples either; the law has one ------------------------------------------
awk -v OFS=, 'BEGIN { print "n,loss"; for (i = 0; i < 20; ++i) print i, 3 + i / 2 + 0.1 * cos(5 * i) }' >open.csv
expect 0 '' open.csv --law 'a + b + c*n' --x n --y loss --objective mse --bootstrap 40 --out open-fits.csv --predictions open-p.csv
[ "$(column status open-fits.csv),$(column a_se open-fits.csv),$(column a_lower open-fits.csv)" = undetermined,, ] ||
    fail "the sum alone can be told: $(cat open-fits.csv)"
[ -n "$(column lower open-p.csv | head -n 1)" ] || fail "no interval of a law that can be told: $(cat open-p.csv)"

# ---- parameters that make up for each other in all but the last digits: what looks like a minimum is none -------------------------
expect 0 'fewer than 20 resamples' open.csv --law 'a + b*(n + 1e9)' --x n --y loss --bootstrap 40 --out far-fits.csv
expect 0 '' open.csv --law 'a + b*n' --x n --y loss --out near-fits.csv
[ "$(column status far-fits.csv)" = converged ] || fail "a line from far away: $(cat far-fits.csv)"
for number in b b_se objective; do
    close "$number" "$(column "$number" far-fits.csv)" "$(column "$number" near-fits.csv)" 1e-5
done

# ---- the last digits, too: of a power law those of the line through the logarithms ----------------------------------------------
awk -v OFS=, 'BEGIN { print "n,loss"; for (i = 0; i < 24; ++i) printf "%.17g,%.17g\n", n = 10 * 1.4 ^ i, 3 * n ^ -0.5 * exp(0.1 * cos(7 * i)) }' >digits.csv
slope=$(awk -F, 'NR > 1 { x = log($1); y = log($2); n++; sx += x; sy += y; sxx += x * x; sxy += x * y }
    END { printf "%.17g", (sx * sy - n * sxy) / (n * sxx - sx * sx) }' digits.csv)
for law in power 'a*n^-b'; do
    expect 0 '' digits.csv --law "$law" --x n --y loss --out digits-fit.csv --quiet
    close "b of $law" "$(column b digits-fit.csv)" "$slope" 5e-13
done

# ---- rows without a cluster are one, however the column tells it ---------------------------------------------------------------
awk -v OFS=, 'BEGIN { print "seed,n,loss"; for (i = 0; i < 24; ++i)
    print i % 4 < 3 ? i % 4 : i % 8 < 4 ? "" : "NA", 10 * 1.4 ^ i, 3 * (10 * 1.4 ^ i) ^ -0.5 * (1 + 0.01 * cos(2.4 * i)) }' >alone.csv
for cluster in seed made; do
    expect 0 "few clusters: 4 of $cluster;" alone.csv --let 'made=seed+0' --law power-offset --x n --y loss --bootstrap 40 --cluster "$cluster"
done

# ---- a new y where some resamples' laws are not above 0, or have no value: no bound is in the wrong place ---------------------
awk -v OFS=, 'BEGIN { print "n,loss"; for (i = 0; i < 12; ++i) print n = 2 ^ (i / 2), (3 * n ^ -0.5 - 0.03) * (1 + 0.05 * cos(5 * i))
    for (n = 3000; n < 1e5; n *= 3) print n "," }' >below.csv
expect 0 '' below.csv --law power-offset --x n --y loss --bound a=-1: --bootstrap 200 --predictions below-p.csv --quiet
[ "$(column lower below-p.csv | tail -n 3 | tr '\n' ' ')" = '0 0 0 ' ] || fail "a new y is above 0: $(cat below-p.csv)"
awk -v OFS=, 'BEGIN { print "n,loss"; for (i = 0; i < 20; ++i) print i / 2, 2 * sqrt(10.2 - i / 2) + 0.2 * cos(5 * i)
    for (n = 9.6; n < 10.5; n += 0.1) print n "," }' >ends.csv
expect 0 '' ends.csv --law 'a*(b - n)^0.5' --x n --y loss --objective mse --bootstrap 400 --predictions ends-p.csv --quiet
awk -F, 'NR > 1 { known += $5 != ""; if ($5 != "" && !($5 < $4 && $4 < $6)) bad = 1 } END { exit bad || known < 20 }' ends-p.csv ||
    fail "an interval around the law: $(cat ends-p.csv)"

# of two points 0.2 apart their mean is drawn 0.1 to either side, and errors of 0.1, both times the root of two points over one degree of freedom
printf 'n,loss\n0,2.9\n1,3.1\n' >pair.csv
expect 0 '' pair.csv --law 'a + 0*n' --x n --y loss --objective mse --bootstrap 400 --predictions pair-p.csv --quiet
close 'an upper bound from two points' "$(column upper pair-p.csv | head -n 1)" 3.282842712 1e-9
close 'a lower bound from two points' "$(column lower pair-p.csv | head -n 1)" 2.717157288 1e-9

# ---- y as large as the operations of a training run: the same law ------------------------------------------------------------
awk -v OFS=, 'BEGIN { print "n,loss"; for (i = 0; i < 24; ++i) print n = 10 * 1.4 ^ i, (0.2 + 8 * n ^ -0.8) * (1 + 0.01 * cos(2.4 * i)) }' >sizes.csv
for law in power-offset exponential 'bnsl --breaks 1'; do
    # shellcheck disable=SC2086 # words
    for y in loss loss*1e22; do
        expect 0 '' sizes.csv --let "y=$y" --law $law --x n --y y --out "of-${y#loss}.csv" --quiet
    done
    close "objective of $law" "$(column objective 'of-*1e22.csv')" "$(column objective of-.csv)" 1e-6
done

# ---- y of which 0 is the largest: so small that starts matter ------------------------------------------------------------------
awk -v OFS=, 'BEGIN { print "n,loss"; for (i = 0; i < 20; ++i) print n = 1.5 ^ i, 1e-6 * (8 * n ^ -0.8 - 8 + 0.01 * cos(5 * i) * (i > 0)) }' >falls.csv
for pair in 'power-offset=a+b*n^-c' 'exponential=a+b*exp(-c*n)'; do
    expect 0 '' falls.csv --law "${pair%=*}" --x n --y loss --objective mse --out falls-law.csv --quiet
    expect 0 '' falls.csv --law "${pair#*=}" --x n --y loss --objective mse --out falls-formula.csv --quiet
    close "objective of $pair" "$(column objective falls-law.csv)" "$(column objective falls-formula.csv)" 1e-6
done

# ---- two variables, y of either sign: the law as its formula -------------------------------------------------------------------
awk -v OFS=, 'BEGIN { print "N,D,loss"; for (i = 0; i < 16; ++i) { N = 10 ^ (6 + i % 4); D = 10 ^ (8 + int(i / 4))
    print N, D, 400 * N ^ -0.34 + 410 * D ^ -0.28 - 2 + 0.001 * cos(7 * i) } }' >signs.csv
expect 0 '' signs.csv --law 'E + A/N^alpha + B/D^beta' --x N,D --y loss --objective mse --out formula.csv --quiet
expect 0 '' signs.csv --law chinchilla --x N,D --y loss --objective mse --out signs-fits.csv --quiet
for name in E A B alpha beta; do close "$name" "$(column $name signs-fits.csv)" "$(column $name formula.csv)" 1e-6; done
expect 0 '' signs.csv --law kaplan --x N,D --y loss --objective mse --out signs-fits.csv --quiet
[ "$(column status signs-fits.csv)" = converged ] || fail "kaplan: $(cat signs-fits.csv)"
fixed=(signs.csv --let y=loss+4 --x 'N,D' --y y --fix alpha=-0.5 --quiet) # whose start the other parameters' must suit
expect 0 '' "${fixed[@]}" --law 'E + A/N^alpha + B/D^beta' --bound A=0:,B=0: --out formula.csv
expect 0 '' "${fixed[@]}" --law chinchilla --out signs-fits.csv
close 'objective where an exponent is fixed' "$(column objective signs-fits.csv)" "$(column objective formula.csv)" 1e-6

# ---- an asymptote above the lowest points, as noise has it: the minimum that the same law as a formula finds ----------------------
awk -v OFS=, 'BEGIN { print "n,loss"; for (i = 0; i < 30; ++i) print n = 1.5 ^ i, (2 + 3 * n ^ -1.5) * (1 + 0.2 * cos(i * (i + 7))) }' >noisy.csv
expect 0 '' noisy.csv --law exponential --x n --y loss --out noisy-law.csv --quiet
expect 0 '' noisy.csv --law 'a + b*exp(-c*n)' --x n --y loss --out noisy-formula.csv --quiet
close 'objective of noisy points' "$(column objective noisy-law.csv)" "$(column objective noisy-formula.csv)" 1e-6

# ---- parameters that make up for each other, each all but unknown: a new y lies where it does without that ------------------------
for law in 'a + b*n' 'a + b*(n + 1e7)'; do
    expect 0 '' open.csv --law "$law" --x n --y loss --objective mse --predictions "new-${law#*n}.csv" --quiet
done
for bound in lower upper; do
    close "$bound of a new y" "$(column $bound 'new- + 1e7).csv' | head -n 1)" "$(column $bound new-.csv | head -n 1)" 1e-8
done

# ---- a line in log x that ends just above 0, whose slope is fixed -----------------------------------------------------------------
awk -v OFS=, 'BEGIN { print "n,loss"; for (i = 0; i < 20; ++i) print n = 1.5 ^ i, (1.1 - 0.1 * log(n)) * (1 + 0.01 * cos(5 * i)) }' >line.csv
expect 0 '' line.csv --law logarithmic --x n --y loss --fix b=0.13 --out line-fits.csv --quiet
[ "$(column status line-fits.csv)" = converged ] || fail "a fixed slope: $(cat line-fits.csv)"

# ---- --at: at the x of rows what they have, in every group, whatever the law; beyond the data, too ---------------------------------
awk -v OFS=, 'BEGIN { print "task,n,D,loss"; for (i = 0; i < 24; ++i) print i % 2 ? "odd" : "even", n = 2 ^ i, D = 3 ^ (i % 7), 0.5 + 4 * n ^ -0.2 + D ^ -0.4 + 0.01 * cos(i * i) }' >at.csv
for law in 'power-offset --x n --at 1,2' 'auto --x n --at 1,2' 'chinchilla --x n,D --at 1,1 --at 2,3' 'chinchilla --x n,D --at 1,1,2,3 --objective huber'; do
    # shellcheck disable=SC2086 # options
    expect 0 '' at.csv --y loss --group task --quiet --predictions at-p.csv --law $law
    [ "$(wc -l <at-p.csv)" -eq 29 ] || fail "--law $law: $(wc -l <at-p.csv) lines"
    awk -F, -v OFS=, '{ $(NF - 4) = $(NF - 3) = "" } NR > 1 && NR < 26 { rows[$0] } NR > 25 && $0 in rows { n++ } END { exit n != 2 }' at-p.csv ||
        fail "--law $law: $(sed -n '2,3p; 26,$p' at-p.csv)"
done
expect 0 '' at.csv --law power --x n --y loss --group task --at 1e9
grep -qE '^odd +1000000000 +[0-9.]+ +[0-9.]+ +[0-9.]+' stdout || fail "no prediction in the table: $(cat stdout)"
expect 0 '' at.csv --law chinchilla --x n,D --y loss --at 1e9,20 --json
grep -qE '\{"x": \{"n": 1000000000, "D": 20\}, "yhat": [0-9.]+, "lower": [0-9.]+, "upper": [0-9.]+\}\]' stdout || fail "no prediction in JSON: $(cat stdout)"
# so many times the largest x that is fitted, of each group its own: as told the number; none where nothing is fitted
expect 0 '' at.csv --law power-offset --x n --y loss --group task --train 'D<=81' --at 10x --json
grep -o '"x": {"n": [0-9]*' stdout | sed 's/.* //' >largest
awk -F, '$3 <= 81 && $2 > n[$1] { n[$1] = $2 } END { print 10 * n["even"]; print 10 * n["odd"] }' at.csv | cmp - largest || fail "ten times the largest x: $(cat largest)"
expect 0 '' at.csv --law power-offset --x n --y loss --group task --train 'D<=81' --at 10x --quiet --predictions times.csv
expect 0 '' at.csv --law power-offset --x n --y loss --group task --train 'D<=81' --at "$(paste -sd, largest)" --quiet --predictions told.csv
cmp <(sed -n '26,$p' times.csv) <(sed -n '26p;29p' told.csv) || fail "10x: $(tail -2 times.csv) instead of $(tail -4 told.csv)"
expect 0 '' at.csv --law chinchilla --x n,D --y loss --at 1e9,2x --json
grep -q '"x": {"n": 1000000000, "D": 1458}' stdout || fail "a number and a factor: $(cat stdout)"
expect 0 '' at.csv --law power --x n --y loss --group task --train task=odd --at 2x --json
grep -q '{"x": {"n": null}, "yhat": null' stdout || fail "2x of nothing: $(cat stdout)"
for word in x xx 10xx; do expect 2 "at: '$word', expected a number" at.csv --law power --x n --y loss --at $word; done
expect 2 'at: 3 numbers, expected 2 for each point' at.csv --law chinchilla --x n,D --y loss --at 1e9,20,3
expect 2 'at is -1, expected a number above 0' at.csv --law power --x n --y loss --at -1
expect 2 "at: '', expected a number" at.csv --law power --x n --y loss --at 1,
expect 2 'at: more than' at.csv --law power --x n --y loss --at "$(seq -s , 1 1000)"

# ---- --quantity: in the table, JSON, fits.csv and the resamples ----------------------------------------------------------------------
law='at.csv --law chinchilla --x n,D --y loss --objective huber'
# shellcheck disable=SC2086 # options
expect 0 '' $law --quantity 'size = beta/(alpha+beta)' --quantity 'best=(alpha*A/(beta*B))^(1/(alpha+beta))' --bootstrap 30 --resamples quantity-r.csv --out quantity.csv
grep -qE '^size +[0-9.]+ ± [0-9.]+ +[0-9.]+ +[0-9.]+ *$' stdout || fail "no quantity in the table: $(cat stdout)"
close 'a quantity' "$(column size quantity.csv)" "$(awk "BEGIN { b = $(column beta quantity.csv); print b / ($(column alpha quantity.csv) + b) }")" 1e-5
close 'a quantity of a resample' "$(column best quantity-r.csv | head -n 1)" "$(awk -F, 'NR == 2 { print ($6 * $4 / ($7 * $5)) ^ (1 / ($6 + $7)) }' quantity-r.csv)" 1e-5
# shellcheck disable=SC2086 # options
expect 0 '' $law --quantity 'size=beta/(alpha+beta)' --json
grep -qE '"quantities": \{"size": \{"value": [0-9.]+, "se": [0-9.]+, "lower": [0-9.]+, "upper": [0-9.]+\}\}' stdout || fail "no quantity in JSON: $(cat stdout)"
expect 2 'no parameter of the law has this name' at.csv --law power --x n --y loss --quantity q=a*n
expect 2 'quantity: .=a., expected NAME=FORMULA' at.csv --law power --x n --y loss --quantity =a
expect 2 'expected no --quantity' at.csv --composite --quantity q=a

# ---- what was put in comes out of text, CSV and JSON alike: 3 n^-0.5 with 1 % of scatter, and beyond it points e^0.2 higher ----
number() { sed -nE "s/.*\"$1\": ([^,}]*).*/\\1/p" stdout | sed -n "${2:-1}p"; }
awk 'BEGIN { print "g,n,loss,use"; for (i = 0; i < 10; ++i) { n = 2 ^ i; use = i < 8
    printf "a,%d,%.17g,%d\n", n, 3 * n ^ -0.5 * (use ? 1 + 0.01 * (i % 4 < 2 ? 1 : -1) : exp(0.2)), use }
    print "a,1024,,0" }' >told.csv # the last row counts nowhere
told=(told.csv --law power --x n --y loss --train use=1 --at '100,400' --confidence 0.9)
expect 0 '' "${told[@]}" --out told-fit.csv
grep -q '^90 % intervals from standard errors' stdout || fail "share of the intervals: $(cat stdout)"
grep -q '8 points, rmsle 0.00.*; outside: 2 points, rmsle 0.2' stdout || fail "points: $(cat stdout)"
grep -q 'a new loss would lie, 90 %' stdout || fail "share of the predictions: $(cat stdout)"
awk '$1 == 100 && $3 < $2 && $2 < $4 && $2 > 0.29 && $2 < 0.31 { n++ }
    $1 == 400 && $3 < $2 && $2 < $4 && $2 > 0.14 && $2 < 0.16 { n++ } END { exit n != 2 }' stdout || fail "predictions: $(cat stdout)"
awk '$1 == "b" && $5 < $2 && $2 < $6 { n++ } END { exit n != 1 }' stdout || fail "interval of b: $(cat stdout)"
close 'objective, the square of rmsle' "$(column objective told-fit.csv)" "$(column rmsle_train told-fit.csv | awk '{ print $1 * $1 }')" 1e-4
close 'rmsle outside' "$(column rmsle_test told-fit.csv)" 0.2 0.1
expect 0 '' "${told[@]}" --group g --bootstrap 40
grep -q '^90 % intervals from 40 resamples' stdout || fail "share of the intervals: $(cat stdout)"
grep -qE '^a +8 .* 0\.00[0-9]* +0\.2[0-9]* +converged' stdout || fail "group: $(cat stdout)"
expect 0 '' "${told[@]}" --bootstrap 40 --json
[ "$(number n_train) $(number n_test) $(number resamples) $(number confidence)" = '8 2 40 0.9' ] || fail "counts: $(cat stdout)"
[ "$(number iterations)" -gt 0 ] || fail "iterations: $(cat stdout)"
close 'rmsle outside' "$(number rmsle_test)" 0.2 0.1
close 'objective, the square of rmsle' "$(number objective 2)" "$(number rmsle_train | awk '{ print $1 * $1 }')" 1e-4
grep -oE '"n": [14]00}, "yhat": .*' stdout | awk -F '[:,}]+' '$6 < $4 && $4 < $8 && $4 > 2.9 / sqrt($2) && $4 < 3.1 / sqrt($2) { n++ } END { exit n != 2 }' ||
    fail "predictions: $(cat stdout)"
expect 0 '' "${told[@]}" --objective huber --json
[ "$(number objective)" = '"huber"' ] || fail "objective: $(cat stdout)"

# ---- and so it does of a composite: losses 3/n and 5 n^-0.5 of a third and two thirds of the neurons ---------------------------------
awk 'BEGIN { print "model,subtask,seed,allocated,loss"; for (m = 0; m < 12; ++m) for (k = 0; k < 2; ++k) {
    n = (k + 1) * (4 + 3 * m) * (1 + 0.02 * cos(7 * m + 3 * k))
    printf "%d,%d,%d,%.9g,%.9g\n", m, k, m % 4, n, (k ? 5 / sqrt(n) : 3 / n) * (1 + 0.01 * cos(5 * m + k)) } }' >law.csv
law=(law.csv --composite --bootstrap 100)
# factor, exponent with its bounds, share, growth with its bounds: of the first subtask
# shellcheck disable=SC2016 # fields of awk
within='function near(a, e) { return a > e - 0.02 * (e + 1) && a < e + 0.02 * (e + 1) }
    { exit !(near($1, 3) && near($2, 1) && $3 < $2 && $2 < $4 && near($5, 1 / 3) && near($6, 0) && $7 < $6 && $6 < $8) }'
expect 0 '' "${law[@]}" --confidence 0.9 --out law-fit.csv
grep -q '; 90 % intervals from resamples$' stdout || fail "share of the intervals: $(cat stdout)"
awk '$1 == "0" { print $2, $3, $4, $6, $7, $8, $9, $11 }' stdout | awk "$within" || fail "text: $(cat stdout)"
awk -F, 'NR == 2 { $1 = $2 = ""; print }' law-fit.csv | awk "$within" || fail "CSV: $(cat law-fit.csv)"
# of 9 parameters and 12 models: BIC - AIC is 9 (log(12) - 2) = 4.364
awk '$1 == "free" { d = $5 - $4; n = d > 4.2 && d < 4.5 } END { exit !n }' stdout || fail "AIC and BIC: $(cat stdout)"
expect 0 '' "${law[@]}" --confidence 0.9 --json
grep -oE '"subtask": 0, [^}]*' stdout | grep -oE -e '-?[0-9][-0-9.e]*' | tail -n +2 | tr '\n' ' ' | awk "$within" || fail "JSON: $(cat stdout)"
close 'BIC - AIC' "$(awk "BEGIN { print $(number bic) - $(number aic) }")" 4.364 1e-3
expect 0 '' "${law[@]}" --confidence 0.5 --out narrow.csv
awk -v wide="$(column exponent_upper law-fit.csv | head -n 1)" -v narrow="$(column exponent_upper narrow.csv | head -n 1)" 'BEGIN { exit !(narrow < wide) }' ||
    fail 'intervals of a half are as wide as those of nine tenths'
expect 0 '' "${law[@]}" --confidence 0.9 --seed 1 --out seed.csv
cmp -s law-fit.csv seed.csv && fail 'the seed does not change the resamples'
for with in "${law[*]}" "${told[*]} --bootstrap 100"; do # of a seed that is larger than 32 bits, all count
    # shellcheck disable=SC2086 # words
    for seed in 0 4294967296; do expect 0 '' $with --seed $seed --out seed-$seed.csv --quiet; done
    cmp -s seed-0.csv seed-4294967296.csv && fail "two seeds, the same resamples: $with"
done
sed '1s/$/,function/; 2~2s/$/,square/; 3~2s/$/,"sine, twice"/' law.csv >named.csv # a subtask is called what its rows are
expect 0 '' named.csv --composite --out named-fit.csv
grep -qE '^0 .* square$' stdout || fail "no function: $(cat stdout)"
grep -q ',"sine, twice"$' named-fit.csv || fail "no function: $(cat named-fit.csv)"
sed '8s/square/cube/' named.csv >renamed.csv
expect 0 '' renamed.csv --composite --json
[ "$(grep -oE '"function": ("[^"]*"|null)' stdout | tr '\n' ' ')" = '"function": null "function": "sine, twice" ' ] || fail "functions: $(cat stdout)"

# ---- bounds: all hold, say what they are, and keep breaks in their places; limits may be negative ----------------------------------
awk 'BEGIN { print "n,D,loss,below"; for (i = 0; i < 60; ++i) { n = 10 * 1.2 ^ i
    printf "%.17g,7,%.17g,%.17g\n", n, 1000 * n ^ -0.3 * (1 + (n / 100) ^ 5) ^ (-0.5 / 5) * (1 + (n / 1e4) ^ 5) ^ (0.6 / 5), 3 * n ^ -0.5 - 0.5 } }' >bounds.csv
power=(bounds.csv --law power --x n --y loss --out bounds-fit.csv)
expect 0 '' "${power[@]}" --bound b=3: --bound b=2:
[ "$(column b bounds-fit.csv)" = 3 ] || fail "of two lower bounds: $(column b bounds-fit.csv)"
expect 0 '' "${power[@]}" --bound b=:0.1 --bound b=:0.2
[ "$(column b bounds-fit.csv)" = 0.1 ] || fail "of two upper bounds: $(column b bounds-fit.csv)"
expect 0 '' "${power[@]}" --bound a=:406.4
[ "$(column a bounds-fit.csv)" = 406.4 ] || fail "at an upper bound: $(column a bounds-fit.csv)"
expect 0 '' "${power[@]}" --bound a=4064.4:
[ "$(column a bounds-fit.csv)" = 4064.4 ] || fail "at a lower bound: $(column a bounds-fit.csv)"
breaks=(bounds.csv --law bnsl --breaks 2 --fix a=0 --x n --y loss --out bounds-fit.csv)
for bound in d1=1000: d2=:1000; do
    expect 0 '' "${breaks[@]}" --bound "$bound"
    close "$bound: d1" "$(column d1 bounds-fit.csv)" 1e4 1e-3
    close "$bound: d2" "$(column d2 bounds-fit.csv)" 100 1e-3
done
expect 0 '' bounds.csv --law power-offset --x n --y below --objective mse --out bounds-fit.csv
close 'a limit below 0' "$(column a bounds-fit.csv)" -0.5 1e-6
expect 1 'x-constant' bounds.csv --law chinchilla --x n,D --y loss
{ cat bounds.csv && echo 'inf,7,1,1'; } >infinite.csv
expect 1 'not-finite \(1 group; first: line 62\)' infinite.csv --law power --x n --y loss
grep -q "an infinite x .*--where 'n!=inf'" stdout || fail "advice for an infinite x: $(tail -n 1 stdout)"
expect 1 'not-finite' infinite.csv --law power --x loss --y n
grep -q "an infinite y .*--where 'n!=inf'" stdout || fail "advice for an infinite y: $(tail -n 1 stdout)"
expect 0 '' infinite.csv --law power --x n --y loss --where 'n!=inf'

# ---- as many points as parameters; a column that is constant beside another; weights; what is taken where nothing is said --------------
printf 'g,n,loss,w\na,1,4,1\na,4,2,1\n' >two.csv
expect 0 '' two.csv --law power --x n --y loss --out two-fit.csv
close 'a of two points' "$(column a two-fit.csv)" 4 1e-9
close 'b of two points' "$(column b two-fit.csv)" 0.5 1e-9
expect 0 '' bounds.csv --law 'a*n^-b + 0*D' --x n,D --y loss
echo 'a,16,1,-1' >>two.csv
expect 2 "two.csv:4: column 'w': expected a weight of at least 0, found -1" two.csv --law power --x n --y loss --weight w
for law in power power-offset 'a*n^-b'; do # a row of weight 2 is the row twice; of what counts alike, all
    awk -v OFS=, 'BEGIN { print "n,loss,w"; for (i = 0; i < 12; ++i) print n = 2 ^ i, (0.2 + 3 / n) * (1 + 0.1 * cos(7 * i)), 1 + (i % 3 == 0) }' >weighted.csv
    awk -F, '{ print } NR > 1 && $3 == 2 { print }' weighted.csv >repeated.csv
    expect 0 '' weighted.csv --law "$law" --x n --y loss --weight w --out weighted-fit.csv --quiet
    expect 0 '' repeated.csv --law "$law" --x n --y loss --out repeated-fit.csv --quiet
    close "b of $law, of weighted rows" "$(column b weighted-fit.csv)" "$(column b repeated-fit.csv)" 1e-6
done
# Two curves, one 1.5 times the other, each row of which stands there twice: by weights either is all there is. Of copies, the second counts.
awk -v OFS=, 'BEGIN { print "n,loss,low,high"; for (i = 0; i < 20; ++i) for (k = 0; k < 2; ++k) for (copy = 0; copy < 2; ++copy)
    print n = 1.5 ^ i, (0.3 + 3 * n ^ -0.5) * (1 + 0.01 * cos(7 * i)) * (k ? 1.5 : 1), k == 0 && copy ? 1e4 : 1, k == 1 && copy ? 1e4 : 1 }' >curves.csv
for law in auto 'bnsl --breaks auto'; do
    # shellcheck disable=SC2086 # words
    for weight in low high; do expect 0 '' curves.csv --law $law --x n --y loss --weight $weight --at 1e4 --predictions $weight.csv --quiet; done
    close "$law of low weights" "$(column yhat low.csv | tail -n 1)" 0.33 0.05
    close "$law of high weights" "$(column yhat high.csv | tail -n 1)" 0.495 0.05
done
# A new y of weight 1 scatters 4 times as far as one of weight 16, beside what is not known of the law.
awk -v OFS=, 'BEGIN { print "n,loss,w"; for (i = 0; i < 40; ++i) { w = i % 2 ? 1 : 16; print n = 1.3 ^ i, 3 * n ^ -0.5 * exp(0.2 * cos(7 * i) / sqrt(w)), w } }' >scatter.csv
for law in power auto; do
    expect 0 '' scatter.csv --law $law --x n --y loss --weight w --predictions scatter-p.csv --quiet
    close "widths of intervals of $law" "$(awk -F, 'NR > 1 { width[NR % 2] += log($6 / $5) } END { print width[1] / width[0] }' scatter-p.csv)" 4 0.25
done
expect 0 '' bounds.csv --law bnsl --x n --y loss --out bnsl.csv
head -n 1 bnsl.csv | grep -q ',d1,.*f1_upper,held$' || fail "breaks, unless said otherwise: $(head -n 1 bnsl.csv)"
expect 0 '' "${told[@]}" --objective huber --out huber.csv
expect 0 '' "${told[@]}" --objective huber --delta 0.001 --out delta.csv
cmp huber.csv delta.csv || fail 'delta is 0.001 unless said otherwise'
awk 'BEGIN { print "g,n,loss"; for (i = 1; i < 25; ++i) for (g = 0; g < 2; ++g) printf "%d,%d,%.9g\n", g, i, 1 / i + 0.01 * cos(3 * i) }' >twins.csv
expect 0 '' twins.csv --law power --x n --y loss --group g --bootstrap 30 --out twins-fit.csv
[ "$(column b twins-fit.csv | sort -u | wc -l) $(column b_se twins-fit.csv | sort -u | wc -l)" = '1 2' ] || fail "groups share their resamples: $(cat twins-fit.csv)"
expect 0 '' twins.csv --law power --x n --y loss --group g --iterations 1 --out once.csv
[ "$(column status once.csv | sort -u)" = out-of-iterations ] || fail "one iteration: $(column status once.csv)"

# ---- conditions at their borders, and of what is missing -------------------------------------------------------------------------
awk 'BEGIN { print "n,loss,tag"; for (i = 0; i < 10; ++i) printf "%d,%.9g,%s\n", i, 9 + i % 3, i % 5 == 0 ? "" : i % 5 == 1 ? "NA" : "x" }' >tags.csv
for what in 'n>=3 7' 'n>3 6' 'n<=3 4' 'n<3 3' 'n=3 1' 'n!=3 9' 'tag=NA 4' 'tag= 4' 'tag!=NA 6' 'tag=x 6'; do
    expect 0 '' tags.csv --law 'a + 0*n' --x n --y loss --where "${what% *}" --out tags-fit.csv
    [ "$(column n tags-fit.csv)" = "${what#* }" ] || fail "--where ${what% *}: $(column n tags-fit.csv) rows, expected ${what#* }"
done

[ "$failures" -eq 0 ] && echo 'all as expected'
exit $((failures > 0))
