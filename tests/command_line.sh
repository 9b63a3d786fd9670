#!/usr/bin/env bash
# The program as its user meets it: exit codes, messages, signals, files. Usage: command_line.sh PROGRAM
set -u
# shellcheck source=tests/expect.sh
. "$(dirname "$0")/expect.sh"

# expect_output PATTERN ARGUMENTS...: success, and the pattern on stdout.
expect_output() {
    local pattern=$1
    shift
    expect 0 '' "$@"
    grep -qE -e "$pattern" stdout || fail "allometer $*: expected '$pattern' on stdout: $(head -c 500 stdout)"
}

sweep() { # NAME STEPS SEEDS: a sweep of 4 * SEEDS models
    printf '%s\n' "name: $1" "task:" "  subtasks: [{function: square}, {function: sine, frequency: 2}]" \
        "  inputs: {samples: 64}" "model: {width: 16}" "train: {steps: $2}" "measure: {samples: 64}" "axes:" \
        "  task.scale: {log: [1, 512], count: 4}" "  seed: {count: $3}"
}

# ---- usage ----------------------------------------------------------------------------------------------------
expect 2 'Usage: allometer VERB'
expect 2 "unknown verb 'swep'; did you mean 'sweep'" swep
expect 2 "unknown verb 'qqqqqqqq'" qqqqqqqq
expect_output 'sweep .*train' --help
expect_output '^allometer [0-9]+\.[0-9]+\.[0-9]+$' --version
for verb in sweep export merge tasks info; do
    expect_output 'Example' "$verb" --help
    expect 2 "unknown option '--hepl'; did you mean '--help'" "$verb" --hepl
done
expect 2 "unknown option '--shart'; did you mean '--shard'" sweep a.yaml --shart 1/2
expect 2 "unknown option '--predict'; did you mean '--predictions'" fit a.csv --predict 1e21
expect 2 'expected a sweep file' sweep
expect 2 "unexpected 'b.yaml'" sweep a.yaml b.yaml
expect 2 'expected I/N' sweep a.yaml --shard 0/3
expect 2 'expected I/N' sweep a.yaml --shard 4/3
expect 2 'expected I/N' sweep a.yaml --shard 1/3x
expect 2 'expected I/N' sweep a.yaml --shard 4294967297/4294967298
expect 2 'expected auto, cpu or cuda' sweep a.yaml --device tpu
expect 2 'whole number from 1' sweep a.yaml --threads 0
expect 2 'whole number from 1' sweep a.yaml --threads many
expect 2 'expected a store' export
expect 2 'expected csv or json' export a.db --format xml
expect 2 'expected OUT.db' merge a.db
expect_output '"functions": \[\{"name": "square", "formula": "x\^2"' tasks --json
expect_output '"name": "cpu", "available": true' info --json
expect_output '"compiler": ".*([Cc]lang|gcc) ' info --json

# ---- bad input ------------------------------------------------------------------------------------------------
expect 2 'absent.yaml: ' sweep absent.yaml
sweep bad 10 1 | sed 's/width/widht/' >bad.yaml
expect 2 'bad.yaml:5.*width' sweep bad.yaml
[ ! -e bad.db ] || fail "a refused sweep left a store"
sweep good 200 2 >good.yaml
expect 2 "instruction set 'mmx'" sweep good.yaml --instruction-set mmx
expect 2 'not a database' export good.yaml
expect 2 'absent.db: No such file' export absent.db
expect 2 'absent.db: No such file' merge out.db absent.db
[ ! -e out.db ] || fail "a failed merge left a store"
expect 2 "'': expected the name of a store" sweep good.yaml --device cpu --out ''
expect 2 'not a regular file' sweep good.yaml --device cpu --out .
cp good.yaml not.db
expect 2 'not a database' sweep good.yaml --device cpu --out not.db
cmp -s good.yaml not.db || fail "a foreign file was changed"
sweep huge 200 100000000000 >huge.yaml
expect 2 'disk' sweep huge.yaml --device cpu
[ ! -e huge.db ] || fail "a sweep too large for the disk left a store"
# Some 400 MB of samples fit into memory; those of 4,096 such models at once do not.
printf '%s\n' 'task: {subtasks: [{function: squared_differences, count: 256}], inputs: {samples: 65536}}' 'model: {width: 4}' \
    'train: {steps: 1}' 'measure: {samples: 1}' >large.yaml
expect 0 ': 1 model, 0 of them' sweep large.yaml --device cpu
echo 'axes: {seed: {count: 4096}}' >>large.yaml
if (ulimit -v 1000000000 && "$program" --help >help) 2>/dev/null; then # 1 TB; the address sanitizer takes more for itself
    (ulimit -v 1000000000 && expect 2 'memory to train 4096 models at once, expected at most' \
        sweep large.yaml --device cpu --threads 4096 --out larger.db) || exit 1
    [ ! -e larger.db ] || fail "a sweep too large for memory left a store"
fi
if [ "$(id -u)" -ne 0 ]; then
    mkdir closed && chmod a-w closed
    expect 2 'cannot write' sweep good.yaml --device cpu --out closed/runs.db
fi

printf 'a,y\n1,2\n2,3\n3,5\n4,4\n' >told.csv
printf '%s\n' 'task: {data: {file: told.csv, control: true}}' 'model: {width: 4}' >told.yaml
expect 2 'told.yaml:1.*task.data.control is true, expected only where a task.data.subtask_column' sweep told.yaml

# ---- a sweep from start to end --------------------------------------------------------------------------------
expect_output 'models +8$' sweep good.yaml --dry-run --device cpu
expect_output '"models": *8,' sweep good.yaml --dry-run --device cpu --json
[ ! -e good.db ] || fail "a dry run left a store"
expect 0 '8/8 models' sweep good.yaml --device cpu
expect_output '"done": 8, "diverged": 0, "trained": 0' sweep good.yaml --device cpu --json
expect 0 '' sweep good.yaml --device cpu --quiet
[ ! -s stderr ] || fail "--quiet is not: $(cat stderr)"
if command -v script >/dev/null; then # a line that the terminal wraps would scroll with every one that follows
    script -qec "stty cols 30; '$program' sweep good.yaml --out narrow.db --device cpu" terminal </dev/null >/dev/null
    lines=$(tr '\r' '\n' <terminal | sed 's/\x1b\[K//' | grep '/8 models,')
    [ -n "$lines" ] || fail "no progress on a terminal: $(cat terminal)"
    ! grep -E '.{30}' <<<"$lines" || fail "a line of progress is wider than the terminal"
fi
expect_output '^model,task.scale,seed,' export good.db
[ "$(wc -l <stdout)" -eq 17 ] || fail "8 models of 2 subtasks gave $(wc -l <stdout) lines"
mv stdout good.csv
expect 0 '' export good.db --out again.csv
cmp -s good.csv again.csv || fail "--out and standard output differ"
expect 2 'no/folder.csv: No such' export good.db --out no/folder.csv

# An output takes the place of a regular file only, whole or not at all; whatever else has its name stays what it is.
cp good.db good-before.db
ln -s good.db good-link.db
for name in good.db ./good.db good-link.db; do
    expect 2 'is the file that is read' export good.db --out $name
    cmp -s good.db good-before.db || fail "export --out $name changed the store"
done
echo old >old.csv
chmod 640 old.csv
ln -s old.csv link.csv
expect 0 '' export good.db --out link.csv
{ [ -L link.csv ] && cmp -s good.csv old.csv; } || fail "a symbolic link was not written through"
[ "$(stat -c %a old.csv)" = 640 ] || fail "a file that was replaced has other rights than before"
ln -s new.csv dangling.csv
expect 0 '' export good.db --out dangling.csv
{ [ -L dangling.csv ] && cmp -s good.csv new.csv; } || fail "the target of a symbolic link was not made"
mkfifo fifo
ln -s fifo fifo-link
for name in fifo fifo-link; do
    timeout 20 cat fifo >piped.csv &
    timeout 20 "$program" export good.db --out $name 2>stderr || fail "export --out $name: $(cat stderr)"
    wait $!
    { [ -p fifo ] && [ -L fifo-link ] && cmp -s good.csv piped.csv; } || fail "--out $name: the pipe was not written"
done
if [ -e /dev/stdout ]; then
    echo before >appended.csv
    "$program" export good.db --out /dev/stdout >>appended.csv
    tail -n +2 appended.csv | cmp -s - good.csv || fail "--out /dev/stdout does not append to standard output"
fi
# A device of our own that is always full.
if mknod full c 1 7 2>/dev/null && (: >full) 2>/dev/null; then
    ln -s full full-link
    expect 1 'full-link: .*No space left on device' export good.db --out full-link
    [ -c full ] || fail "a device was replaced"
fi
[ -z "$(find . -name '*partial*')" ] || fail "left behind: $(find . -name '*partial*')"

sweep good 300 2 >good.yaml
expect 2 'train.steps \(200 there, 300 in' sweep good.yaml --device cpu
sweep good 200 2 >good.yaml

expect 2 'good.db:1: is a store .*expected a sweep file' sweep good.db
{ printf '\357\273\277'; sed 's/$/\r/' good.yaml; } >windows.yaml
expect_output 'models +8$' sweep windows.yaml --dry-run --device cpu
expect 0 '0 trained now' sweep windows.yaml --device cpu --out good.db

# One thread or two, an instruction set asked for or not, shards or not: the same bits.
expect 0 '' sweep good.yaml --out one.db --threads 1
expect_output '' export one.db
cmp -s good.csv stdout || fail "one thread gives other results"
for shard in 1 2 3; do expect 0 '' sweep good.yaml --device cpu --shard $shard/3 --out shard-$shard.db; done
expect 0 'holds 3 of the sweep.s 8 models' export shard-1.db
expect 0 'holds 3 of the sweep.s 8 models' fit shard-1.db --law power --x task.scale --y loss
expect 0 '8 of 8 models' merge merged.db shard-3.db shard-1.db shard-2.db
grep -q 'note' stderr && fail "a note of shards of one machine: $(cat stderr)"
expect_output '' export merged.db
cmp -s good.csv stdout || fail "merged shards give other results"
expect 0 '' sweep good.yaml --device cpu --instruction-set sse2 --shard 3/3 --out other-3.db
expect 0 'trained by .* sse2, whose results differ' merge mixed.db shard-1.db shard-2.db other-3.db
expect 2 'both read and written' merge merged.db merged.db
expect 0 '' sweep good.yaml --device cpu --shard 1/3 --out :memory:
[ "$("$program" export --quiet :memory: | wc -l)" -eq 7 ] || fail "a store called :memory: is no file"
cp good.db good.store
expect_output 'power: loss' fit good.store --law power --x task.scale --y loss
expect 2 "good.db: row 1: column 'function': expected a number, found 'square'" fit good.db --law power --x function --y loss

# Shards one after the other into one store.
expect 0 'both.db: 3 models of shard 1/3, 0 of them diverged; 3 trained now; the store holds 3 of the sweep.s 8$' sweep good.yaml --device cpu --shard 1/3 --out both.db
expect 0 '3 models of shard 2/3, .*; 3 trained now; the store holds 6 of the sweep.s 8$' sweep good.yaml --device cpu --shard 2/3 --out both.db
expect_output '"models": 2, "done": 2, .*"trained": 2, "stored": 8,' sweep good.yaml --device cpu --shard 3/3 --out both.db --json
expect_output '' export both.db
cmp -s good.csv stdout || fail "shards in one store give other results"

# What a reader leaves beside a file that is another's does not keep its owner from going on. Root alone can be both.
as() { setpriv --reuid "$1" --regid "$1" --clear-groups "${@:2}"; }
chmod a+rx . && mkdir shared && chmod a+rwx shared && cp "$program" shared/allometer && cp good.yaml shared
if as 1001 test -r "$PWD/shared/good.yaml" 2>/dev/null; then
    shared=(shared/allometer sweep shared/good.yaml --device cpu --quiet)
    as 1001 "${shared[@]}" --shard 1/2 || fail "another user's sweep"
    as 1002 shared/allometer export --quiet shared/good.db >stdout || fail "a store is not readable by who may not write it"
    as 1001 "${shared[@]}" || fail "a reader keeps the owner from going on"
    as 1001 shared/allometer export shared/good.db | cmp -s - good.csv || fail "results of two users differ"
fi

# Nothing to tell of layers, and nothing to fit, is told.
expect 2 'weights writes .npy files .*expected no JSON' export good.db --weights no --json
expect 0 'note: good.db holds no rows by layer.* series' export good.db --layers
expect 0 '' export good.db --layers --quiet
[ ! -s stderr ] || fail "--quiet is not: $(cat stderr)"
sed 's/^train: {/train: {optimizer: sgd, learning_rate: 1.0e+30, /' good.yaml >div.yaml
expect 0 '8 models, 8 of them diverged' sweep div.yaml --device cpu
expect 2 'div.db: all 8 models diverged' fit div.db --law power --x task.scale --y loss
expect 0 '' sweep good.yaml --device cpu --shard 9/9 --out none.db
expect 2 'none.db: holds no models yet' fit none.db --law power --x task.scale --y loss

# A pruned model has the parameters that are left: 16 neurons of 2 inputs and outputs, or 4 of them.
sed 's/^axes:/axes:\n  train.prune: {values: [0, 4]}/' good.yaml >prune.yaml
expect 0 '16 models' sweep prune.yaml --device cpu
expect_output '' export prune.db
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    { expected = ($at["train.prune"] ? 4 : 16) * (2 + 1 + 2) + 2; wrong += $at["parameters"] != expected }
    END { exit NR != 33 || wrong }' stdout || fail "parameters of pruned models: $(head -n 3 stdout)"

# Output that cannot be written is a failure.
if [ -e /dev/full ]; then
    "$program" export good.db >/dev/full 2>stderr
    [ $? -eq 1 ] || fail "writing to a full disk went unnoticed"
    [ "$(wc -l <stderr)" -eq 1 ] || fail "a full disk is told of twice: $(cat stderr)"
fi

# ---- weights --------------------------------------------------------------------------------------------------
expect 2 'no weights were kept' export good.db --weights weights
sed 's/measure: {/measure: {keep_weights: true, /' good.yaml >kept.yaml
expect 0 '' sweep kept.yaml --device cpu
expect 0 'weights of 8 models' export kept.db --weights weights
check_weights() {
# The system's own Python has the package, whichever comes first in the path.
python=python3
if ! $python -c 'import numpy' 2>/dev/null; then python=/usr/bin/python3; fi
if $python -c 'import numpy' 2>/dev/null; then
    $python - <<'PYTHON' || fail "numpy does not read the weights"
import csv, numpy
for row in csv.DictReader(open("weights/manifest.csv")):
    D, H, O = int(row["inputs"]), int(row["width"]), int(row["outputs"])
    shapes = dict(input_weight=(H, D), input_bias=(H,), output_weight=(O, H), output_bias=(O,))
    for layer in range(2, int(row["depth"]) + 1):
        shapes.update({f"hidden{layer}_weight": (H, H), f"hidden{layer}_bias": (H,)})
    for name, shape in shapes.items():
        array = numpy.load("weights/" + row[name])
        assert array.shape == shape and array.dtype == numpy.float32 and numpy.isfinite(array).all()
PYTHON
else
    echo "numpy is not installed: the .npy files are compared to their definition only (test_store)"
fi
}
check_weights

# ---- deep models: in shards and merged the same bits, a row for each layer, weights by layer ----------------------
sed 's/^model: {/model: {depth: 3, residual: true, /; s/measure: {/measure: {keep_weights: true, /' good.yaml >deep.yaml
expect 0 '8 of them|8 models' sweep deep.yaml --device cpu
expect_output '^model,.*,neurons_threshold,.*,neurons_agreed,' export deep.db --layers
[ "$(wc -l <stdout)" -eq 49 ] || fail "8 models of 2 subtasks and 3 layers gave $(wc -l <stdout) lines"
mv stdout deep.csv
for shard in 1 2; do expect 0 '' sweep deep.yaml --device cpu --threads 1 --shard $shard/2 --out deep-$shard.db; done
expect 0 '8 of 8 models' merge deep-merged.db deep-2.db deep-1.db
expect_output '' export deep-merged.db --layers
cmp -s deep.csv stdout || fail "merged shards give other layers"
rm -r weights
expect 0 'weights of 8 models' export deep.db --weights weights
[ -s weights/7/hidden3_bias.npy ] || fail "no biases of the third layer"
check_weights

# ---- series: an inner subtask has the loss of its read-out, and no neurons of its own; weights that were not asked for go --
printf 'task: {composition: series, subtasks: [{function: square}, {function: sine}]}\n%s\n%s\n%s\n' \
    'model: {width: 8, depth: 2}' 'train: {steps: 50}' 'axes: {seed: {count: 3}}' >series.yaml
expect 0 '3 models' sweep series.yaml --device cpu
expect_output ',0,square,0,[0-9.e-]+,,,$' export series.db
expect_output ',0,square,0,[0-9.e-]+,,,,2,,,,,,,,[0-9.e-]+,[0-9.e-]+,[0-9.e-]+$' export series.db --layers
expect_output ',1,sine,1,[0-9.e-]+,,[0-9]+,[0-9]+,2,[0-9]+,.*,,,$' export series.db --layers
expect 2 'no weights were kept' export series.db --weights nowhere

# Chains of two and three beside each other and beside a plain subtask: each inner one is read out of every layer, each last one
# and the plain one have neurons; the same alone as in the batch, and where a budget of neurons is kept.
sed 's/^task: .*/task: {subtasks: [{series: [{function: squared_differences}, {function: square_root}, {function: sine}]},\
  {function: cube}, {series: [{function: square}, {function: exponential}], weight: 2}]}/
    s/steps: 50/steps: 50, prune: 5, retrain: 20/' series.yaml >tree.yaml
expect 0 '3 models' sweep tree.yaml --device cpu
expect_output '' export tree.db --layers
number='-?[0-9.e-]+'
for inner in 0,squared_differences 1,square_root 4,square; do
    [ "$(grep -cE ",$inner,0,[0-9.e-]+,,,,[12],,,,,,,,[0-9.e-]+,$number,$number\$" stdout)" -eq 6 ] || fail "$inner of a tree is not read out of 2 layers of 3 models: $(cat stdout)"
done
for last in 2,sine,1 3,cube,1 5,exponential,2; do
    [ "$(grep -cE ",$last,[0-9.e-]+,,[0-9]+,[0-9]+,[12],[0-9]+,.*,,,\$" stdout)" -eq 6 ] || fail "$last of a tree has no neurons in 2 layers of 3 models: $(cat stdout)"
done
mv stdout tree.csv
for shard in 1 2 3; do expect 0 '' sweep tree.yaml --device cpu --threads 1 --shard $shard/3 --out tree-$shard.db; done
expect 0 '3 of 3 models' merge tree-merged.db tree-2.db tree-1.db tree-3.db
expect_output '' export tree-merged.db --layers
cmp -s tree.csv stdout || fail "merged shards of a tree give other layers"

# ---- death, signals, disks ------------------------------------------------------------------------------------
# wait_for_models FILE N: until N models are committed, 20 s at most.
wait_for_models() {
    for _ in $(seq 400); do
        [ -s "$1" ] && [ "$("$program" export --quiet "$1" 2>/dev/null | wc -l)" -gt $((2 * $2)) ] && return 0
        sleep 0.05
    done
    fail "$1 never held $2 models"
}

# As slow as it takes for a sweep to last some seconds on a machine that does nothing else: the steps are found by trying.
steps=1000 TIMEFORMAT=%U
while :; do
    sweep long "$steps" 64 >long.yaml
    rm -f long.db
    seconds=$( { time "$program" sweep long.yaml --device cpu --quiet 2>stderr; } 2>&1) || fail "the long sweep: $(cat stderr)"
    elapsed=$(awk -v seconds="$seconds" -v threads="$(nproc)" 'BEGIN { printf "%d", 1000 * seconds / threads }')
    [ "$elapsed" -ge 2500 ] && break
    steps=$((elapsed < 300 ? steps * 8 : steps * 3500 / elapsed))
done
"$program" export long.db >long.csv || fail "exporting the long sweep"

"$program" sweep long.yaml --device cpu --quiet --out killed.db &
killed=$!
wait_for_models killed.db 1
expect 1 'killed.db: another allometer is writing .*--out' sweep long.yaml --device cpu --out killed.db
kill -9 $killed
wait $killed 2>/dev/null
"$program" export --quiet killed.db >killed.csv || fail "a store is not readable after kill -9"
[ "$(wc -l <killed.csv)" -lt "$(wc -l <long.csv)" ] || fail "kill -9 came too late to test anything"
if [ "$(id -u)" -ne 0 ]; then
    mkdir archive && cp killed.db killed.db-wal archive && ln -s archive/killed.db archived.db && chmod a-w archive
    expect 2 'archived.db: a part of it is in .*/archive/killed.db-wal' export archived.db
    chmod u+w archive
fi
expect 0 '256/256 models' sweep long.yaml --device cpu --out killed.db
"$program" export killed.db | cmp -s - long.csv || fail "kill -9 and resumption changed the results"

for signal in INT TERM; do
    # env: a shell makes background processes ignore Ctrl-C.
    env --default-signal=INT "$program" sweep long.yaml --device cpu --out $signal.db 2>stderr &
    stopped=$!
    wait_for_models $signal.db 1
    kill -$signal $stopped
    wait $stopped
    code=$?
    [ $code -eq $((128 + $(kill -l $signal))) ] || fail "SIG$signal: exit code $code"
    grep -q 'stops after the models in flight; again: at once' stderr || fail "SIG$signal: $(cat stderr)"
    grep -q 'stopped with .* of 256 models in .*the same command goes on' stderr || fail "SIG$signal: $(cat stderr)"
    [ ! -e $signal.db-wal ] || fail "SIG$signal left the log behind"
done
# The second ends it at once, whichever it is: the first waits for models of a minute.
sed 's/steps: [0-9]*/steps: 100000000/' long.yaml >endless.yaml
"$program" sweep endless.yaml --device cpu --out endless.db 2>stderr &
stopped=$!
until [ -e endless.db ] && grep -q models stderr; do sleep 0.1; done
kill -TERM $stopped && sleep 0.3 && kill -INT $stopped
for _ in $(seq 100); do kill -0 $stopped 2>/dev/null || break; sleep 0.1; done
kill -KILL $stopped 2>/dev/null && fail 'a second signal of another kind ends nothing'
expect 0 '256/256 models' sweep long.yaml --device cpu --out INT.db
{ # whoever reads the messages leaves after the first
    "$program" sweep long.yaml --device cpu --out unread.db 2>&1
    echo $? >code
} | grep -q models
[ "$(cat code)" = 0 ] || fail "a sweep whose messages nobody reads: exit code $(cat code)"
"$program" export INT.db | cmp -s - long.csv || fail "Ctrl-C and resumption changed the results"

# A limit on the size of files stands for a full disk. The thread sanitizer's runtime dies of such a limit before
# main begins, so there test_store_trouble alone fills a disk.
if [ -z "${TSAN_OPTIONS:-}" ]; then
    sweep full 10 600 >full.yaml
    (ulimit -f 200 && exec "$program" sweep full.yaml --device cpu) >stdout 2>stderr
    [ $? -eq 1 ] || fail "a full disk: no exit code 1"
    grep -q 'full.db: the disk is full' stderr || fail "a full disk: $(cat stderr)"
    expect 0 '2400/2400 models' sweep full.yaml --device cpu
    "$program" export --quiet full.db | wc -l | grep -qx 4801 || fail "a full disk lost models"
    rm -f full.db-shm # for which there is no room
    (ulimit -f 16 && exec "$program" export --quiet full.db) 2>stderr | wc -l | grep -qx 4801 || fail "a store on a full disk: $(cat stderr)"
    # What is stored needs no room any more, and a link's disk is that of the file. A disk of our own where we may have one.
    mkdir small
    if mount -t tmpfs -o size=450k none small 2>/dev/null; then
        cp full.db small && : >outside.db && ln -s ../outside.db small/link.db
        expect 0 '0 trained now' sweep full.yaml --device cpu --out small/full.db
        expect 0 '2400 trained now' sweep full.yaml --device cpu --out small/link.db
        umount small
    fi
    echo old >old.csv
    (ulimit -f 200 && exec "$program" export full.db --out old.csv) 2>stderr
    { [ $? -eq 1 ] && grep -q '^allometer: old.csv: .*File too large' stderr; } || fail "a full disk: $(cat stderr)"
    { [ "$(cat old.csv)" = old ] && [ -z "$(find . -name '*partial*')" ]; } || fail "a failed export left or took something"
fi

[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
