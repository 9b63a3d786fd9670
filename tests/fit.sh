#!/usr/bin/env bash
# Fits as their user meets them: exit codes, messages, files. Usage: fit.sh PROGRAM
# shellcheck disable=SC2016 # names in backquotes
set -u
# shellcheck source=tests/expect.sh
. "$(dirname "$0")/expect.sh"
always=(fit)

# Loss 3 n^-0.5 for one task, 0.2 + 8 n^-0.8 for another, with a wobble of 1 % that cancels; and tasks that no law fits.
{
    echo 'task,seed,n,loss,use'
    for ((i = 0; i < 24; ++i)); do
        awk -v i="$i" 'BEGIN {
            n = 10 * 1.4 ^ i; w = 1 + 0.01 * cos(2.4 * i); use = i < 20
            printf "plain,%d,%.6g,%.17g,%d\n", i % 6, n, 3 * n ^ -0.5 * w, use
            printf "\"bent, twice\",%d,%.6g,%.17g,%d\n", i % 6, n, (0.2 + 8 * n ^ -0.8) * w, use
            printf "negative,%d,%.6g,%.17g,%d\n", i % 6, n, -n, use
            printf "constant,%d,7,%.17g,%d\n", i % 6, 1 + n, use
            if (i == 0) printf "single,0,%.6g,1,1\n", n
            printf "missing,%d,%.6g,,%d\n", i % 6, n, use
        }'
    done
} >runs.csv
fit=(runs.csv --law power --x n --y loss --group task)

# ---- usage and bad input ------------------------------------------------------------------------------------------
expect 2 'expected a table' --law power --x n --y loss
expect 2 'expected --x and --y' runs.csv --law power --x n
expect 2 'expected --law' runs.csv --x n --y loss
expect 2 "unknown law 'powr'; did you mean 'power'" runs.csv --law powr --x n --y loss
expect 2 'law chinchilla has 2 independent variables, 1 column given' runs.csv --law chinchilla --x n --y loss
expect 2 '--train is given twice' runs.csv --law power --x n --y loss --train 'n>1' --train 'n<9'
expect 2 'no-such.csv: No such file' no-such.csv --law power --x n --y loss
expect 2 "no column 'N'; there are 'task', 'seed', 'n'" runs.csv --law power --x N --y loss
expect 2 "runs.csv:2: column 'task': expected a number, found 'plain'" runs.csv --law power --x n --y task
expect 2 "law power has no parameter 'c'; it has a, b" "${fit[@]}" --fix c=1
expect 2 'low bound 2 is above the high bound 1' "${fit[@]}" --bound b=2:1
expect 2 'expected a number above 0' "${fit[@]}" --start a=-1
expect 2 'expected PARAMETER=LOW:HIGH' "${fit[@]}" --bound b=2
expect 2 'expected COLUMN=VALUE' "${fit[@]}" --where n
expect 2 'only numbers are larger or smaller' "${fit[@]}" --where 'task>plain'
expect 2 'none of the .* rows takes part' "${fit[@]}" --where task=absent
expect 2 'expected a share between 0 and 1' "${fit[@]}" --confidence 95
expect 2 'ends in .svg, .pdf or .png' "${fit[@]}" --plot fit.eps
expect 2 'expected mse, msle or huber' "${fit[@]}" --objective mae
expect 2 "device: 'gpu', expected auto, cpu or cuda" "${fit[@]}" --device gpu
expect 2 'breaks goes with --law bnsl' "${fit[@]}" --breaks 1
expect 2 'absent/fits.csv: No such file' "${fit[@]}" --out absent/fits.csv
printf 'n,loss\n1,2\n3\n' >ragged.csv
expect 2 'ragged.csv:3: 1 fields, expected 2' ragged.csv --law power --x n --y loss
[ ! -w /dev/full ] || expect 1 '/dev/full' "${fit[@]}" --out /dev/full
expect 2 "out: the file has a column 'n' of its own, expected another name in --law" runs.csv --law 'a*loss^n' --x loss --y n --out twice.csv
expect 2 "out: .* 'a_se' .* in --law" runs.csv --law 'a*n^a_se' --x n --y loss --out twice.csv
expect 2 "out: .* 'n' .* in --group" runs.csv --law power --x loss --y use --group n --out twice.csv
expect 2 "predictions: .* 'yhat' .* in --x" runs.csv --let yhat=n --law power --x yhat --y loss --predictions twice.csv
expect 2 "resamples: .* 'status' .* in --law" runs.csv --law 'a*n^status' --x n --y loss --bootstrap 20 --resamples twice.csv
expect 2 "out: .* 'n' .* in --quantity" "${fit[@]}" --quantity 'n=a/b' --out twice.csv
[ ! -e twice.csv ] || fail 'a file with two columns of one name'

expect 2 "law auto has no parameter of its own: 'b'" runs.csv --law auto --x n --y loss --group task --fix b=1
expect 2 'only objective msle' runs.csv --law auto --x n --y loss --group task --objective mse
expect 2 'resamples are for a law that is named' runs.csv --law auto --x n --y loss --group task --bootstrap 10 --resamples r.csv
expect 2 'breaks goes with --law bnsl' runs.csv --law auto --x n --y loss --breaks auto
expect 2 'law auto has 1 independent variable, 2 columns given' runs.csv --law auto --x n,seed --y loss

# ---- groups in = rows out, each with its status ----------------------------------------------------------------------
expect 0 '' "${fit[@]}" --train use=1 --out fits.csv --predictions predictions.csv --quiet
[ -s stdout ] && fail 'quiet, but not silent'
for row in 'plain,power,converged,20' '"bent, twice",power,converged,20' 'negative,power,y-not-positive,0' \
    'constant,power,x-constant,20' 'single,power,too-few-points,1' 'missing,power,too-few-points,0'; do
    grep -q "^$row," fits.csv || fail "no '$row' in: $(cut -c 1-60 fits.csv)"
done
[ "$(wc -l <fits.csv)" -eq 7 ] || fail 'groups in are not rows out'
[ "$(head -n 1 fits.csv)" = 'task,law,status,n,objective,rmsle_train,rmsle_test,a,a_se,a_lower,a_upper,b,b_se,b_lower,b_upper,held' ] ||
    fail "header: $(head -n 1 fits.csv)"
[ "$(head -n 1 predictions.csv)" = 'task,n,loss,train,yhat,lower,upper' ] || fail 'header of predictions'
[ "$(wc -l <predictions.csv)" -eq "$(wc -l <runs.csv)" ] || fail 'rows in are not rows out'

expect 0 '' "${fit[@]}" --where task=plain --train use=1 --out plain.csv --quiet
close a "$(column a plain.csv)" 3 0.01
close b "$(column b plain.csv)" 0.5 0.005
[ "$(column n plain.csv)" -eq 20 ] || fail "fitted $(column n plain.csv) points of 20"
close outside "$(column rmsle_test plain.csv)" 0.007 0.5
cmp <(sed -n 2p plain.csv) <(sed -n 2p fits.csv) || fail 'a group alone differs from the group among others'

# ---- an average of laws: every group has its row, its weights and the law that weighs most ------------------------------
average=(runs.csv --x n --y loss --group task --train use=1 --quiet)
expect 0 '' "${average[@]}" --law auto --out auto.csv --predictions auto-predictions.csv --threads 1
expect 0 '' "${average[@]}" --law auto --out auto2.csv --threads 2
cmp auto.csv auto2.csv || fail 'threads change the average'
[ "$(wc -l <auto.csv)" -eq 7 ] || fail 'groups in are not rows out'
grep -q '^plain,power,converged,20,' auto.csv || fail "plain: $(head -n 2 auto.csv)"
grep -qE '^plain,.*,a=3\.[0-9]*;b=0\.[0-9]*,$|^plain,.*,a=2\.9[0-9]*;b=0\.[0-9]*,$' auto.csv || fail "parameters: $(sed -n 2p auto.csv)"
for row in 'negative,auto,y-not-positive' 'constant,auto,x-constant' 'single,auto,too-few-points' 'missing,auto,too-few-points'; do
    grep -q "^$row," auto.csv || fail "no '$row' in: $(cut -c 1-60 auto.csv)"
done
awk -F, '$1 == "plain" && $4 == 0 { d = $5 / $3 - 1; if (d < 0) d = -d; if (!(d < 0.03 && $6 <= $3 && $3 <= $7)) bad = 1 } END { exit bad }' auto-predictions.csv ||
    fail "a power law is not extrapolated: $(grep '^plain.*,0,' auto-predictions.csv)"
expect 0 '' "${average[@]}" --law bnsl --breaks auto --out breaks.csv
head -n 1 breaks.csv | grep -q 'weight_bnsl-0,weight_bnsl-1,weight_bnsl-2,weight_bnsl-3,parameters,held$' || fail "header: $(head -n 1 breaks.csv)"

# ---- bootstrap: the same for every number of threads, alone and among others, and of clusters ---------------------------
expect 0 '' "${fit[@]}" --bootstrap 400 --cluster seed --out one.csv --quiet --threads 1
expect 0 '' "${fit[@]}" --bootstrap 400 --cluster seed --out two.csv --quiet --threads 2
expect 0 '' "${fit[@]}" --bootstrap 400 --cluster seed --out alone.csv --quiet --where task=plain
cmp one.csv two.csv || fail 'threads change the bootstrap'
cmp <(sed -n 2p one.csv) <(sed -n 2p alone.csv) || fail 'other groups change the bootstrap'
expect 0 '' "${fit[@]}" --bootstrap 400 --cluster seed --out seed.csv --quiet --seed 1
cmp -s one.csv seed.csv && fail 'the seed does not change the bootstrap'

# ---- every resample as a row, of every group; their deviation is the standard error ---------------------------------------
auto=(runs.csv --law auto --x n --y loss --group task --cluster seed --quiet)
expect 0 '' "${auto[@]}" --bootstrap 50 --predictions one-auto.csv --threads 1
expect 0 '' "${auto[@]}" --bootstrap 50 --predictions two-auto.csv --threads 2
cmp one-auto.csv two-auto.csv || fail 'threads change the bootstrap of an average'
expect 0 '' "${auto[@]}" --predictions none-auto.csv
cmp -s one-auto.csv none-auto.csv && fail 'an average does without its bootstrap'
expect 2 'resamples goes with --bootstrap' "${fit[@]}" --resamples resamples.csv
expect 0 '' "${fit[@]}" --bootstrap 400 --cluster seed --out kept.csv --resamples resamples.csv --quiet
cmp one.csv kept.csv || fail 'keeping the resamples changes the fits'
[ "$(head -n 1 resamples.csv)" = 'task,resample,status,a,b' ] || fail "header of resamples: $(head -n 1 resamples.csv)"
for task in plain '"bent, twice"' negative constant single missing; do
    [ "$(grep -c "^$task," resamples.csv)" -eq 400 ] || fail "$task: not a row for every resample"
done
grep -q '^single,400,too-few-points,,$' resamples.csv || fail 'the resamples of a group without a fit do not say why'
error=$(awk -F, '$1 == "plain" { n++; d = $5 - 0.5; s += d; t += d * d } END { print sqrt((t - s * s / n) / (n - 1) * 6 / 5) }' resamples.csv)
close 'deviation of the resamples of 6 clusters' "$error" "$(column b_se one.csv | head -n 1)" 1e-4

# ---- parameters the user knows ------------------------------------------------------------------------------------------
expect 0 '' "${fit[@]}" --where task=plain --fix b=0.4 --out fixed.csv --quiet
[ "$(column b fixed.csv)" = 0.4 ] || fail "fixed b: $(column b fixed.csv)"
expect 0 '' "${fit[@]}" --where task=plain --fix a=406.4 --bootstrap 30 --out fixed-a.csv --resamples fixed-r.csv --quiet
[ "$(column a fixed-a.csv)" = 406.4 ] || fail "a was fixed at 406.4: $(column a fixed-a.csv)"
[ "$(column a fixed-r.csv | sort -u)" = 406.4 ] || fail 'a was fixed at 406.4, not in the resamples'
[ -z "$(column b_se fixed.csv)" ] || fail 'a fixed parameter has a standard error'
expect 0 '' "${fit[@]}" --where task=plain --bound b=0.6:,a=:100 --out bounded.csv --quiet
[ "$(column b bounded.csv)" = 0.6 ] || fail "bounded b: $(column b bounded.csv)"

# ---- a parameter at a bound, or fixed, is told from a free one ------------------------------------------------------------
awk 'BEGIN { print "g,n,loss"; for (i = 0; i < 24; ++i) { n = 10 * 1.4 ^ i; w = 1 + 0.01 * cos(2.4 * i)
    printf "sinks,%.6g,%.17g\nfloor,%.6g,%.17g\n", n, 4 * n ^ -0.5 * w - 0.03, n, (0.2 + 8 * n ^ -0.8) * w } }' |
    awk -F, 'NR == 1 || $3 > 0' >sinks.csv
sinks=(sinks.csv --law power-offset --x n --y loss)
expect 0 '' "${sinks[@]}" --where g=sinks --fix b=4 --out held.csv
[ "$(column held held.csv)" = 'a=lower;b=fixed' ] || fail "what is held: $(cat held.csv)"
grep -qE '^a +0 +at bound ' stdout || fail "a at its bound: $(cat stdout)"
grep -qE '^b +4 +fixed ' stdout || fail "b is fixed: $(cat stdout)"
grep -qxF 'at bound: a has come to its lower bound 0; --bound a=-1: lifts it' stdout || fail "no note: $(cat stdout)"
grep -q "^the other parameters' intervals hold for" stdout || fail "intervals are conditional: $(cat stdout)"
expect 0 '' "${sinks[@]}" --group g --json
grep -qE '"a": \{"value": 0, .*"held": "lower"\}, "b": \{"value": [^}]*"upper": [0-9.]*\}' stdout || fail "held in JSON: $(cat stdout)"
[ "$(grep -o '"held"' stdout | wc -l)" -eq 1 ] || fail "a free parameter is held: $(cat stdout)"
expect 0 '' "${sinks[@]}" --group g
grep -qE '^sinks .* 0 at bound ' stdout || fail "a of one group at its bound: $(cat stdout)"
grep -q '^at bound (1 of 2): a has come' stdout || fail "no note: $(cat stdout)"
expect 0 '' "${sinks[@]}" --where g=sinks --bound a=-1: --out held.csv
[ -z "$(column held held.csv)" ] || fail "nothing is held: $(cat held.csv)"
close 'a below 0' "$(column a held.csv)" -0.03 0.1
grep -q 'at bound' stdout && fail "no parameter is at a bound: $(cat stdout)"
expect 0 '' "${sinks[@]}" --where g=sinks --bound a=-inf:inf --out lifted.csv --quiet
cmp held.csv lifted.csv || fail "a bound at infinity does not take the place of the law's own: $(cat lifted.csv)"
expect 0 '' "${sinks[@]}" --where g=sinks --fix b=3 --bootstrap 40 --out held.csv --quiet
[ "$(column b held.csv),$(column b_se held.csv),$(column b_lower held.csv),$(column b_upper held.csv)" = 3,,3,3 ] || fail "resamples of a fixed parameter: $(cat held.csv)"
expect 0 '' "${sinks[@]}" --where g=floor --bound a=:0.1 --out held.csv --quiet
[ "$(column held held.csv)" = a=upper ] || fail "a at its upper bound: $(cat held.csv)"
awk 'BEGIN { print "n,loss"; for (i = 0; i < 24; ++i) { n = 10 * 1.4 ^ i; w = 1 + 0.002 * cos(2.4 * i)
    printf "%.6g,%.17g\n", n, (8 * n ^ -0.3 - 0.015) * w } }' >bends.csv
expect 0 '' bends.csv --law auto --x n --y loss --out held.csv
[ "$(column held held.csv)" = a=lower ] || fail "what is held in an average: $(cat held.csv)"
grep -qE '^a +0 ± [^ ]+ at bound ' stdout || fail "a of an average at its bound: $(cat stdout)"
grep -qxF 'at bound: a of bnsl-1 has come to its lower bound 0' stdout || fail "no note: $(cat stdout)"
[ "$("$program" laws --json | grep -c '"name": "[a-z-]*auto".*"candidates": \["')" -eq 2 ] || fail 'the JSON of laws lacks the averages'
"$program" laws | grep -qxF '  bounds: a >= 0 if all y are' || fail 'laws do not tell their bounds'

# ---- formulas ---------------------------------------------------------------------------------------------------------------
expect 2 "expected a number, a name or '\('" "${fit[@]}" --law 'a + * n'
[ "$(tail -n 1 stderr)" = '      ^' ] || fail "the mark is not under the *: $(cat stderr)"
expect 2 "does not contain the column 'n'" "${fit[@]}" --law 'a*x^-b'
expect 2 "has no parameter 'c'; it has a, b" "${fit[@]}" --law 'a*n^-b' --fix c=1
expect 2 "unknown law 'bnsl-7'; did you mean 'bnsl-" "${fit[@]}" --law bnsl-7
expect 0 "'seed' is a parameter of the formula, and also a column" "${fit[@]}" --law 'seed*n^-b' --where task=plain
expect 0 'e in the formula is 2.71828' "${fit[@]}" --law 'a*n^-b + e' --where task=plain
expect 0 '' "${fit[@]}" --law 'a*e^(-b*n) + c*1e-1*n ** -e1' --where task=plain
grep -q 'e in the formula' stderr && fail "e as the base of a power: $(cat stderr)"
expect 0 '' "${fit[@]}" --law 'min(9, a)*n^-b' --where task=plain --train use=1 --out formula.csv
grep -q '^plain,"min(9, a)\*n^-b",converged,20,' formula.csv || fail "formula: $(cat formula.csv)"
grep -qF 'loss = min(9, a)*n^-b' stdout || fail "formula: $(cat stdout)"
for name in a a_se b b_se b_lower b_upper objective; do
    close "$name of a formula" "$(column $name <(tr -d '"' <formula.csv | sed 's/min(9, a)/min(9 a)/'))" "$(column $name plain.csv)" 1e-4
done
expect 0 '' "${fit[@]}" --law 'a*n^-b' --where task=plain --fix b=0.4 --out fixed.csv --quiet
[ "$(column b fixed.csv),$(column b_se fixed.csv)" = 0.4, ] || fail 'a fixed parameter of a formula'
expect 0 '' "${fit[@]}" --law 'a*n^-b' --where task=plain --bound b=0.6: --start a=2,b=0.7 --out bounded.csv --quiet
[ "$(column b bounded.csv)" = 0.6 ] || fail "bounded b of a formula: $(column b bounded.csv)"
sed '1s/,n,/,Training Tokens,/' runs.csv >spaced.csv
# shellcheck disable=SC2016 # backquotes that are the formula's own
expect 0 '' spaced.csv --law 'a*`Training Tokens`^-b' --x 'Training Tokens' --y loss --group task --out spaced_fits.csv --quiet
[ "$(wc -l <spaced_fits.csv)" -eq 7 ] || fail 'a formula: groups in are not rows out'
grep -q ',constant,.*x-constant\|^constant,.*x-constant' spaced_fits.csv || fail 'a formula on constant x'

# ---- resamples that are too few for an interval ------------------------------------------------------------------------
expect 0 'fewer than 20 resamples reached a minimum .* in 1 of 1 group: .* independent$' "${fit[@]}" --where task=plain --bootstrap 19 --cluster seed
grep -q '^95 % intervals from standard errors, as of .*fewer than 20' stdout || fail "19 resamples: $(cat stdout)"
expect 0 '' "${fit[@]}" --where task=plain --bootstrap 20 --cluster seed
grep -q '^95 % intervals from 20 resamples of seed; ± is one standard error$' stdout || fail "20 resamples: $(cat stdout)"
grep -q 'fewer than 20' stderr && fail "20 resamples: $(cat stderr)"
# as many points as parameters, all resamples alike: no interval, not one of width 0
printf 'x,y\n1,2\n10,1\n' >two.csv
expect 0 'fewer than 20 resamples reached a minimum that their points determine in 1 of 1 group' two.csv --law power --x x --y y --bootstrap 100 \
    --quantity 'half=a/2'
[ "$(grep -cE '^(a|b|half) +[0-9.]+ +- +- ' stdout)" -eq 3 ] || fail "two points: $(cat stdout)"

# ---- names that are numbers, or move a cursor -------------------------------------------------------------------------
awk 'BEGIN { print "run,n,loss"; for (i = 1; i < 9; ++i) { printf "9007199254740992,%d,%.9g\n", i, 2 / i
    printf "9007199254740993,%d,%.9g\n\"a\033[2J\nb\",%d,%.9g\n", i, 3 * i, i, 2 / i } }' >runs2.csv
sed -n -e 1p -e /^9/p runs2.csv >big.csv
for sign in '=' '!='; do
    expect 0 '' big.csv --law power --x n --y loss --where "run${sign}9007199254740993" --out big_fits.csv --quiet
    [ "$(column n big_fits.csv)" = 8 ] || fail "two whole numbers that one double stands for: $(cat big_fits.csv)"
done
expect 0 '' big.csv --law power --x n --y loss --where run=9007199254740992.0 --out big_fits.csv --quiet
[ "$(column n big_fits.csv)" = 16 ] || fail "a number that is not all digits: $(cat big_fits.csv)"
expect 0 '' runs2.csv --law power --x n --y loss --group run
grep -q 'a \[2J b' stdout || fail "control characters: $(cat -v stdout)"

# ---- columns made of others ---------------------------------------------------------------------------------------------
{
    echo 'training flop,"size, N",loss,note'
    for ((i = 0; i < 30; ++i)); do
        awk -v i="$i" 'BEGIN { n = 1e6 * 2 ^ (i % 6); d = 1e8 * 3 ^ int(i / 6)
            printf "%.17g,%.17g,%.17g,x\n", 6 * n * d, n, 1.5 + 400 * n ^ -0.35 + 900 * d ^ -0.4 }'
    done
    echo ',1e6,,x'
} >flops.csv
made=(flops.csv --let 'D = `training flop` / (6 * `size, N`)' --let 'half=D/2' --law chinchilla --y loss)
expect 0 '' "${made[@]}" --x '`size, N`,D' --out made.csv --predictions made-p.csv --quiet
close alpha "$(column alpha made.csv)" 0.35 1e-6
close beta "$(column beta made.csv)" 0.4 1e-6
[ "$(head -n 1 made-p.csv)" = '"size, N",D,loss,train,yhat,lower,upper' ] || fail "header: $(head -n 1 made-p.csv)"
expect 0 '' "${made[@]}" --x '`size, N`,half' --out made.csv --quiet --where 'half>1e8'
close 'B of half as much' "$(column B made.csv)" "$(awk 'BEGIN { print 900 / 2 ^ 0.4 }')" 1e-6
expect 2 "there is a column 'loss' already" "${made[@]}" --x D,half --let 'loss=D'
expect 2 'no column of numbers has this name' "${made[@]}" --x D,half --let 'x=D+flop'
expect 2 "column 'note': expected a number, found 'x'" "${made[@]}" --x D,half --let 'x=D*note'
expect 2 'expected COLUMN=FORMULA' "${made[@]}" --x D,half --let D/2
expect 2 'expected COLUMN=FORMULA' "${made[@]}" --x D,half --let '``=D'
expect 2 'expected a second ` after' "${made[@]}" --x '`size, N,D'

# A column alone, though others are called as words of its name, or as a function.
printf 'Model Size,Size,Model,log,n,loss\n1,10,A,a,1,3\n2,20,B,b,2,2\n4,30,C,c,4,1.5\n' >names.csv
expect 0 '' names.csv --let 'N=`Model Size`' --let 'M=exp(log(n))' --law power --x N --y loss --where 'M<9' --predictions named.csv --quiet
[ "$(column N named.csv | tr '\n' ' ')" = '1 2 4 ' ] || fail "another column than the one named: $(cat named.csv)"
expect 0 '' names.csv --let '`n, 2 = twice` = 2*n' --law power --x '`n, 2 = twice`' --y loss --predictions named.csv --quiet
[ "$(head -n 1 named.csv)" = '"n, 2 = twice",loss,train,yhat,lower,upper' ] || fail "a made column in backquotes: $(head -n 1 named.csv)"
expect 2 'expected COLUMN=FORMULA' names.csv --let '`n`2=n' --law power --x n --y loss

# ---- what counts for nothing, what is missing, what is infinite -------------------------------------------------------------
{
    echo 'n,m,loss,weight'
    for ((i = 1; i <= 12; ++i)); do
        awk -v i="$i" 'BEGIN { printf "%d,%s,%.17g,%d\n", i, i == 12 ? "" : i * i, 3 / i * (1 + 0.01 * cos(i)), i < 9 }'
    done
    echo '13,169,inf,1'
} >weights.csv
zero=(weights.csv --law power --x n --y loss --quiet)
expect 0 '' "${zero[@]}" --where 'loss<inf' --weight weight --out weighed.csv
expect 0 '' "${zero[@]}" --where weight=1 --where 'loss!=inf' --out without.csv
cmp <(cut -d, -f 1-5,7- weighed.csv) <(cut -d, -f 1-5,7- without.csv) || fail 'rows of weight 0 change the standard errors'
expect 2 'weights.csv: --weight: every row to be fitted has none 0' "${zero[@]}" --let 'none=0*n' --weight none
expect 0 '' weights.csv --law 'a/n^b + 0*m' --x n,m --y loss --where 'loss<inf' --train weight=1 --out outside.csv --quiet
[ -n "$(column rmsle_test outside.csv)" ] || fail 'a row without its second variable hides how well the others are predicted'
expect 1 '' weights.csv --law power --x n --y loss
grep -q "^not-finite: .* --where 'loss!=inf'$" stdout || fail "no way out of infinite points: $(cat stdout)"
expect 2 'none of the 13 rows' "${zero[@]}" --where 'loss=NA'

# ---- options that would not be used -----------------------------------------------------------------------------------------
expect 2 'delta goes with --objective huber' "${fit[@]}" --delta 0.1
expect 2 'delta is 1e-40, expected 1e-18 or more' "${fit[@]}" --objective huber --delta 1e-40
expect 2 'keep-plot-files goes with --plot' "${fit[@]}" --keep-plot-files
expect 2 'instruction-set is of the CPU, expected no --device cuda' "${fit[@]}" --device cuda --instruction-set sse2
expect 2 'composite is a law of its own, expected no --group' runs.csv --composite --group task
expect 2 'composite is a law of its own, expected no --plot' runs.csv --composite --plot a.svg
expect 2 'x: --composite has 1 independent variable, 2' runs.csv --composite --x n,seed
long='n' && for ((i = 0; i < 20; ++i)); do long="$long + a_parameter_of_a_very_long_name_$i*n^$i"; done
expect 2 "has no parameter 'no'; it has a_parameter_of_a_very_long_name_0, a_par" runs.csv --law "$long" --x n --y loss --start no=1

# ---- other forms of output ------------------------------------------------------------------------------------------------
expect 0 '' runs.csv --law m2 --x n --y loss --where n\>0 --where 'task=bent, twice' --objective mse
grep -qE '^c  *0\.(79|80)' stdout || fail "power-offset: $(cat stdout)"
printf 'n,loss\n1,3\n2,1\n4,2\n8,1\n' >rough.csv
expect 0 '' rough.csv --law power --x n --y loss --quantity 'thousand=1000*a' --quantity 'million=1e6*a'
grep -qE '^thousand +2[0-9]00 ± [0-9]+ ' stdout || fail "exponents: $(cat stdout)"
grep -qE '^million +2\.[0-9]e\+06 ± .*e\+' stdout || fail "exponents: $(cat stdout)"
if command -v python3 >/dev/null; then
    expect 0 '' "${fit[@]}" --json
    python3 -c 'import json, sys; d = json.load(sys.stdin); assert len(d["groups"]) == 6, d' <stdout || fail 'JSON'
    printf 'g,n,loss\ncaf\351,1,3\ncaf\351,2,2\ncaf\351,3,1\n\303\251\360\237\230\200,1,1\n' >latin.csv
    expect 0 '' latin.csv --law power --x n --y loss --group g --json
    python3 -c 'import json, sys
names = [group["group"]["g"] for group in json.loads(sys.stdin.buffer.read().decode())["groups"]]
assert names == ["caf\ufffd", "\u00e9\U0001f600"], names' <stdout || fail 'JSON of a table that is not UTF-8'
    expect 0 '' runs.csv --law $'\351*n^-b' --x n --y loss --where task=plain --json
    python3 -c 'import json, sys; json.loads(sys.stdin.buffer.read().decode())' <stdout || fail 'JSON of a formula that is not UTF-8'
fi
if command -v gnuplot >/dev/null; then
    expect 0 '' "${fit[@]}" --plot fits.svg --keep-plot-files --quiet
    grep -q '</svg>' fits.svg || fail 'no picture'
    grep -q "^set multiplot layout 2,3 title 'Panels: task' noenhanced" fits.svg.gp || fail "whose values the titles are: $(grep '^set multiplot' fits.svg.gp)"
    [ -s fits.svg.gp ] || fail 'no script of the picture'
    expect 0 '' "${fit[@]}" --where task=plain --plot fits.png --quiet
    [ "$(head -c 4 fits.png | tail -c 3)" = PNG ] || fail 'no PNG'
    expect 0 '' "${fit[@]}" --plot fits.pdf --quiet
    [ "$(head -c 4 fits.pdf)" = %PDF ] || fail 'no PDF'
    for side in 'right 9007199254740992' 'left 9007199254740993'; do # of points that fall, and of those that rise
        expect 0 '' big.csv --law power --x n --y loss --where "run=${side#* }" --plot key.svg --keep-plot-files
        grep -q "set key top ${side% *}" key.svg.gp || fail "no key on the ${side% *}"
    done
    expect 0 '' runs.csv --let 'flop=n*1e16' --law power --x flop --y loss --where task=plain --plot large.svg --keep-plot-files --quiet
    grep -q "^set format x '%.4g'" large.svg.gp || fail "prefixes that few know: $(grep '^set format x' large.svg.gp)"
    awk 'BEGIN { print "n,loss"; for (n = 70; n < 9000; n *= 2) print n "," 3 / n ^ 0.3 }' >tics.csv
    expect 0 '' tics.csv --law power --x n --y loss --plot tics.svg --keep-plot-files
    grep -q "^set format x '%.0s%c'" tics.svg.gp || fail "labels 5000 and 1e+04: $(grep '^set format x' tics.svg.gp)"
    expect 0 '' tics.csv --law power --x n --y loss --at 2e6 --plot at.svg --keep-plot-files
    awk '$1 == "set" && $2 == "xrange" { gsub(/[^0-9.]+/, " "); seen = $2 > 2e6 } /^.curve0/ { law = 1 } law && $1 > 2e6 { drawn = 1 } /^END/ { law = 0 }
        END { exit !(seen && drawn) }' at.svg.gp || fail 'what --at predicts lies outside the picture'
    printf 'n,loss\n1e-300,1e300\n1,1\n1e200,1e-200\n' >wide.csv # margins beyond what a double holds
    expect 0 '' wide.csv --law power --x n --y loss --plot wide.svg --quiet
    expect 2 '^allometer: absent/fits.png: No such file' "${fit[@]}" --plot absent/fits.png --quiet
    {
        echo 'curve,n,loss'
        for ((c = 0; c < 101; ++c)); do printf '%d,1,2\n%d,2,1.5\n' $c $c; done
    } >many.csv
    expect 0 '' many.csv --law resource --x n --y loss --group curve --plot many.svg --keep-plot-files --quiet
    expect 0 '' runs.csv --law auto --x n --y loss --where task=plain --group task --plot auto.svg --keep-plot-files --quiet
    grep -q "^set title 'task plain; most weight: [a-z0-9-]*'" auto.svg.gp || fail "title of an average: $(grep '^set title' auto.svg.gp)"
    grep -q "lines .*title 'average'" auto.svg.gp || fail 'the legend calls an average a law'
    expect 0 '' runs.csv --law auto --x n --y loss --where task=plain --plot auto.svg --keep-plot-files --quiet
    grep -q "^set title 'average, most weight: [a-z0-9-]*'" auto.svg.gp || fail "title of an average: $(grep '^set title' auto.svg.gp)"
    # axes alike in all panels: c spans little, all are positive; with d, no
    awk 'BEGIN { print "g,a name that goes on far beyond what any axis of a small panel could hold,loss"
        for (i = 1; i < 9; ++i) printf ",%d,%g\na very long key of a group, %s,%d,%g\nc,%d,%g\nd,%d,%g\n", i, 9 / i,
            "which goes on and on and on and on", i, 2 / i, i, 1 + 0.1 / i, i, i - 3 }' |
        sed 's/^\(a very long key.*and on\),/"\1",/' >axes.csv
    axes=(axes.csv --law power-offset --x 'a name that goes on far beyond what any axis of a small panel could hold' --y loss --group g)
    expect 0 '' "${axes[@]}" --where g!=d --plot axes.svg --keep-plot-files --quiet
    [ "$(grep -c '^set logscale y' axes.svg.gp)" -eq 3 ] || fail 'panels with other axes than their neighbors'
    grep -q '^set ytics ([^)]*,[^)]*,' <(sed -n "/^set title 'c;/,\$p" axes.svg.gp) || fail 'a short logarithmic axis has no labels'
    grep -q "^set title '(empty); a " axes.svg.gp || fail "a group without a name: $(grep '^set title' axes.svg.gp)"
    grep -qE "^set title 'a very long key of a group.*\.\.\." axes.svg.gp || fail "a long name: $(grep '^set title' axes.svg.gp)"
    grep -qE "^set xlabel 'a name that goes on.{20,35}\.\.\.'" axes.svg.gp || fail "a long name: $(grep '^set xlabel' axes.svg.gp)"
    expect 0 '' "${axes[@]}" --objective mse --plot axes.svg --keep-plot-files --quiet
    grep -q '^set logscale y' axes.svg.gp && fail 'a logarithmic axis beside values below 0'
    grep -q 'The first 100 of 101 groups: curve' many.svg.gp || fail 'a group is missing in a picture that does not say so'
    # many points: those that lie on others are left out, and none that is seen
    awk 'BEGIN { srand(1); print "n,loss"; for (i = 5001; i <= 15000; ++i) print i "," 1 + 2000 / i + rand() ^ 8 }' >cloud.csv
    expect 0 '' cloud.csv --law power-offset --x n --y loss --train 'n<=14000' --plot cloud.svg --keep-plot-files --quiet
    tail -n +2 cloud.csv | tr , ' ' >points
    sed -n '/^.fitted0 /,/^set /p' cloud.svg.gp | grep '^[0-9]' >drawn
    [ "$(wc -l <drawn)" -lt 9000 ] || fail "$(wc -l <drawn) of 10000 points are drawn"
    low=$(cut -d' ' -f2 points | sort -g | head -1) high=$(cut -d' ' -f2 points | sort -g | tail -1)
    cells() { awk "{ print int((\$1 - 5001) / 9999 * 60), int((\$2 - $low) / ($high - $low) * 45) }" "$1" | sort -u; }
    cmp <(cells drawn) <(cells points) || fail 'a picture of many points does not show all'
    grep -A1 "other0 using" cloud.svg.gp | grep -q 'curve0 using' || fail 'many points hide the law'
    [ -z "$(find . -name 'fits.png.*')" ] || fail 'the script of a picture was left behind'
fi
mkdir fakes && printf '#!/bin/sh\nhead -c 900 /dev/zero\n' >fakes/gnuplot && chmod +x fakes/gnuplot
echo 'an earlier picture' >kept.svg && ln -s /dev/full full.svg && mkdir folder.svg
for word in '' '--keep-plot-files'; do
    # shellcheck disable=SC2086 # words
    PATH=$folder/fakes:$PATH expect 1 '^allometer: kept.svg: gnuplot has not drawn all of the picture$' "${fit[@]}" --plot kept.svg --quiet $word
    [ "$(cat kept.svg)" = 'an earlier picture' ] || fail 'a picture that was not drawn took the place of another'
done
if command -v gnuplot >/dev/null; then
    # What a table holds is shown, not run, and the picture is XML, whatever it is.
    echo 'g,n,loss' >run.csv
    for n in 1 2 3; do printf '"`touch ran`; $(touch ran) ""it%ss"" %s \351\001",%d,%d\n' "'" "\\" "$n" $((4 - n)); done >>run.csv
    expect 0 '' run.csv --law power --x n --y loss --group g --plot run.svg --quiet
    printf "'quoted',%d,%d\nit''s,%d,%d\n" 1 3 1 3 2 2 2 2 3 1 3 1 >>run.csv
    printf '\357\277\276,%d,%d\n' 1 3 2 2 3 1 >>run.csv
    expect 0 '' run.csv --law power --x n --y loss --group g --plot "'run'.svg" --keep-plot-files --quiet
    mv "'run'.svg" run.svg
    gnuplot "'run'.svg.gp"
    cmp run.svg "'run'.svg" || fail 'quotes in the name of a picture'
    for name in "'quoted';" "it''s;"; do grep -qF "$name" run.svg || fail "the group $name is missing in its picture"; done
    [ ! -e ran ] || fail 'a picture runs what a table holds'
    ! command -v python3 >/dev/null || python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("run.svg")' || fail 'a picture that is not XML'
    grep -q 'touch ran`; $(touch ran)' run.svg || fail 'the name of a group is missing in its picture'
    [ ! -w /dev/full ] || expect 1 '^allometer: full.svg: No space left' "${fit[@]}" --plot full.svg --quiet
    expect 2 '^allometer: folder.svg: Is a directory' "${fit[@]}" --plot folder.svg --quiet
    mv fits.svg drawn.svg
    gnuplot fits.svg.gp
    cmp fits.svg drawn.svg || fail 'the script that was kept draws something else'
fi
PATH=/nowhere "$program" fit "${fit[@]}" --plot none.svg --quiet 2>stderr && fail 'a picture without gnuplot'
grep -q 'pictures need gnuplot' stderr || fail "without gnuplot: $(cat stderr)"

# ---- what to do about groups that could not be fitted, and about data that is not as expected ------------------------------
expect 0 '' "${fit[@]}"
grep -qE "^y-not-positive \(1 of 6\): .*--where 'loss>0'" stdout || fail "no advice for y-not-positive: $(tail -n 4 stdout)"
grep -qE '^too-few-points \(2 of 6\): .*--fix' stdout || fail "no advice for too-few-points: $(tail -n 4 stdout)"
expect 0 '' "${fit[@]}" --where task=plain
grep -q 'not-positive' stdout && fail 'advice without need'
echo 'n,loss' >header.csv
expect 2 'header.csv: there is no row below the header' header.csv --law power --x n --y loss
printf 'n,loss\n1,2\n2,1.5\n4,1.2\n1000,\n,3\n' >ask.csv # asks for a prediction; lacks an x
expect 0 '' ask.csv --law power --x n --y loss --predictions answer.csv --quiet
[ "$(column train answer.csv | tr -d '\n')" = 11100 ] || fail "rows that lack x or y were fitted: $(cat answer.csv)"
[ -n "$(column yhat answer.csv | sed -n 4p)" ] || fail 'no prediction where y is missing'
printf '\357\273\277"task, too",n,loss\r\n"a, ""b""",1,2\r\n"a, ""b""",2,1.5\r\n"a, ""b""",4,1.2\r\n' >quoted.csv
expect 0 '' quoted.csv --law power --x n --y loss --where 'task, too=a, "b"' --json
grep -q '"n_train": 3' stdout || fail "a byte order mark, quotes and CRLF: $(cat stdout)"
gzip -c runs.csv | head -c 60 >cut.csv.gz
expect 2 'cut.csv.gz: after [0-9]+ bytes: unexpected end of file' cut.csv.gz --law power --x n --y loss

gzip -k runs.csv && expect 0 '' runs.csv.gz --law power --x n --y loss --group task --train use=1 --out gzipped.csv --quiet
cmp fits.csv gzipped.csv || fail 'gzip'

# ---- blanks in a condition; bounds beside a fixed value; an average counts and advises as a law does -----------------------
expect 0 '' "${fit[@]}" --where 'task = plain' --where 'n >= 20' --json
grep -q '"n_train": 21' stdout || fail "blanks around a condition's sign: $(cat stdout)"
for bound in '--bound b=0:2 --fix b=0.4' '--fix b=0.4 --bound b=0:2' '--fix b=0.4 --bound b=0:1 --bound b=0.1:3'; do
    # shellcheck disable=SC2086 # words
    expect 0 '' "${fit[@]}" --where task=plain $bound --out fixed.csv --quiet
    [ "$(column b fixed.csv)" = 0.4 ] || fail "$bound: b = $(column b fixed.csv)"
done
expect 2 'parameter b: its bounds, or fixed values, leave nothing' "${fit[@]}" --fix b=0.4 --bound b=1:2
printf 'g,n,loss\na,1,1\na,2,-1\na,4,0.5\na,8,0.4\nb,1,1\nb,2,0.5\n' >few.csv
expect 1 '^allometer: no group could be fitted: too-few-points \(1 group\), y-not-positive \(1 group; first: line 3\)$' \
    few.csv --law auto --x n --y loss --group g --out average.csv
[ "$(column n average.csv | tr '\n' ' ')" = '3 2 ' ] || fail "points of an average: $(cat average.csv)"
grep -q 'y-not-positive.*objective mse' stdout && fail "advice that an average refuses: $(tail -n 3 stdout)"
grep -q 'too-few-points (1 of 2): an average of laws takes three points' stdout || fail "no advice: $(tail -n 3 stdout)"

# ---- a composite of one cluster tells no interval, and no probability ---------------------------------------------------------
awk 'BEGIN { print "model,subtask,seed,allocated,loss"; for (m = 0; m < 9; ++m) for (k = 0; k < 2; ++k)
    printf "%d,%d,7,%d,%.9g\n", m, k, 4 + 3 * m + (m * k) % 3, (1 + 0.1 * cos(5 * m + k)) / (4 + 3 * m) }' >composite.csv
expect 0 '' composite.csv --composite --bootstrap 50 --cluster seed
grep -qE '^0 .* - to  +- .* - to  +-$' stdout || fail "intervals of one cluster: $(cat stdout)"
grep -qE '^N\^-1 .* 2 +-  every' stdout || fail "probability of one cluster: $(cat stdout)"
expect 0 '' composite.csv --composite --bootstrap 50
grep -qE 'nan| - ' <(sed -n '3,5p;13,16p' stdout) && fail "models: $(cat stdout)"

# ---- no output takes the place of the input, or of another output ----------------------------------------------------------
cp few.csv kept.csv && ln -s few.csv link.csv
expect 2 "--out: 'link.csv' is the file that is read" few.csv --law power --x n --y loss --out link.csv
expect 2 "--predictions: './few.csv' is the file that is read" few.csv --law power --x n --y loss --predictions ./few.csv
cmp few.csv kept.csv || fail 'a fit changed the table that it read'
cp few.csv read.svg.gp
expect 2 "--keep-plot-files: 'read.svg.gp' is the file that is read" read.svg.gp --law power --x n --y loss --plot read.svg --keep-plot-files
expect 2 "--out and --keep-plot-files: both are 'new.svg.gp'" few.csv --law power --x n --y loss --plot new.svg --out new.svg.gp --keep-plot-files
mkdir taken
for unwritten in none/p.csv taken; do
    expect 2 "^allometer: $unwritten: (No such|Is a)" few.csv --law power --x n --y loss --out early.csv --predictions $unwritten
    [ ! -e early.csv ] || fail "an output written before one that cannot be: $unwritten"
done
expect 2 "--out and --predictions: both are 'same.csv'" few.csv --law power --x n --y loss --out same.csv --predictions same.csv
expect 2 "--out and --predictions: both are './same.csv'" few.csv --law power --x n --y loss --out same.csv --predictions ./same.csv
expect 2 "--group: 'n' twice" few.csv --law power --x n --y loss --group n,n
expect 2 "--x: 'n' twice" few.csv --law chinchilla --x n,n --y loss
expect 2 "--x: 'n' twice" few.csv --law 'a + b*n' --x n --x n --y loss
[ -e same.csv ] && fail 'an output was written in spite of an error'
expect 1 'no group could be fitted' /dev/stdin --law auto --x n --y loss --group g --quiet --out piped.csv < <(cat few.csv)
cmp average.csv piped.csv || fail 'a table from a pipe'

# ---- notes on rows and groups that take no part; none of them if quiet ------------------------------------------------------
expect 0 '^allometer: 4 of 6 groups could not be fitted: too-few-points \(2 groups\), x-constant \(1 group\), y-not-positive \(1 group; first: line 4\)$' "${fit[@]}"
expect 0 '^allometer: 24 rows left out: no number in loss \(first: line 7\)$' "${fit[@]}"
expect 0 '' "${fit[@]}" --quiet
[ -s stderr ] && fail "quiet, but: $(cat stderr)"
printf 'n,loss\n1,2\n2,NA\n,1.4\n4,1.2\n8,nan\n9,1.1\n' >holes.csv
expect 0 '^allometer: 2 rows left out: no number in loss \(first: line 3\)$' holes.csv --law power --x n --y loss
expect 0 '^allometer: 1 row left out: no number in n \(first: line 4\)$' holes.csv --law power --x n --y loss
for what in '-1,1 x-not-positive' '3,0 y-not-positive' '3,inf not-finite'; do
    printf 'n,loss\n1,2\n2,1.6\n%s\n4,1.2\n' "${what% *}" >bad.csv
    expect 1 "^allometer: no group could be fitted: ${what#* } \\(1 group; first: line 4\\)$" bad.csv --law power --x n --y loss --quiet --out bad_fits.csv
    [ "$(column status bad_fits.csv)" = "${what#* }" ] || fail "no output beside the failure: $(cat bad_fits.csv)"
done
expect 2 '^allometer: runs.csv: --train: no row has use=zz$' "${fit[@]}" --train use=zz
printf 'n,loss\n1,2\n1e400,1\n' >large.csv
expect 2 "large.csv:3: column 'n': out of the range of a double: '1e400'" large.csv --law power --x n --y loss
expect 2 'cluster goes with --bootstrap' "${fit[@]}" --cluster seed
expect 2 'cluster goes with --bootstrap' runs.csv --composite --cluster seed
expect 2 'one resample has no spread, expected 0, or 2 and more' "${fit[@]}" --bootstrap 1
expect 0 '^allometer: few clusters: 3 of seed in one group; .* too narrow' "${fit[@]}" --bootstrap 40 --cluster seed --where 'seed<3'
expect 0 '^allometer: few clusters: 1 of seed in one group; .* no interval' "${fit[@]}" --bootstrap 40 --cluster seed --where 'seed<1'
expect 0 '' "${fit[@]}" --bootstrap 40 --cluster seed
grep -q 'few clusters' stderr && fail "6 clusters of two parameters are not few: $(cat stderr)"
expect 0 '' "${fit[@]}" --bootstrap 40 --cluster n
grep -q 'few clusters' stderr && fail "24 clusters are not few: $(cat stderr)"
expect 0 '' "${fit[@]}" --bootstrap 40 --where task=plain --where 'n<100'
grep -q 'few clusters' stderr && fail "points are no clusters: $(cat stderr)"

[ "$failures" -eq 0 ] && echo 'all as expected'
exit $((failures > 0))
