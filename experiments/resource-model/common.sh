# What the experiments share; each `run` sources it with its arguments and then calls what is below.
#
#     run [--quick | --smoke] [RESULTS]
#
# --quick: fewer alphas and seeds, the same physics. --smoke: seconds, only to see that the script works. RESULTS is the
# folder for all that is made, `results` (or `results-quick`, `results-smoke`) here unless said otherwise; a sweep found
# there goes on where it stopped. The program is $ALLOMETER, or that of build/release, or the one on the PATH.

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)

fail() {
    echo "$0: $*" >&2
    exit 1
}

setting=full results=
for argument in "$@"; do
    case $argument in
    --quick) setting=quick ;;
    --smoke) setting=smoke ;;
    -*)
        echo "usage: $0 [--quick | --smoke] [RESULTS]" >&2
        exit 2
        ;;
    *) results=$argument ;;
    esac
done
suffix=
[ $setting = full ] || suffix=-$setting
results=${results:-$here/results$suffix}

if [ -z "${ALLOMETER:-}" ]; then
    ALLOMETER=$root/build/release/allometer
    [ -x "$ALLOMETER" ] || ALLOMETER=$(command -v allometer) ||
        fail "there is no program: build it (cmake --preset release && cmake --build --preset release) or set ALLOMETER"
fi
for tool in sqlite3 gnuplot; do
    command -v $tool >/dev/null || fail "$tool is missing; tools/install-packages installs it"
done
rm -rf "$results/fits"
mkdir -p "$results/fits"

# The sweep file $1 as it stands for the full setting; else its axes are replaced by the text on standard input, and the
# smoke setting trains for a moment only. Then the sweep itself, into $2.db.
sweep() {
    file=$here/$1
    if [ $setting != full ]; then
        steps=40000
        [ $setting != smoke ] || steps=1000
        {
            sed -e '/^axes:/,$d' -e "s/steps: [0-9]*/steps: $steps/" "$file"
            cat
        } >"$results/$2.yaml"
        file=$results/$2.yaml
    fi
    "$ALLOMETER" sweep "$file" --out "$results/$2.db"
}

# Writes the table that the SQL on standard input selects from the store $1.db to $2.csv.
table() {
    sqlite3 -bail -header -csv "$results/$1.db" | tr -d '\r' >"$results/$2.csv"
}

# Fits y = a x^-b to the rows of a CSV: fit NAME FILE X Y [OPTION...]; the result is fits/NAME.csv, and the command stays
# beside it. Intervals: 95 %, from 2000 resamples of the seeds where the file has seeds.
fit() {
    name=$1 file=$2 x=$3 y=$4
    shift 4
    if head -n 1 "$file" | grep -qE '(^|,)seed(,|$)'; then
        set -- --bootstrap 2000 --cluster seed "$@"
    fi
    set -- "$file" --law power --x "$x" --y "$y" "$@"
    printf "allometer fit" >"$results/fits/$name.command"
    printf " %s" "$@" | sed -E -e "s|$results/||g; s|$here/|../|g; s/ ([^ ]*[<>][^ ]*)/ '\1'/g" >>"$results/fits/$name.command"
    "$ALLOMETER" fit "$@" --quiet --out "$results/fits/$name.csv"
}

# A column of a CSV's row where another column has a value, as printf's FORMAT has it: cell FILE COLUMN FORMAT [KEY VALUE]
cell() {
    awk -F, -v column="$2" -v format="$3" -v key="${4:-}" -v value="${5:-}" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        key != "" && $at[key] + 0 != value + 0 { next }
        { printf format, $at[column]; found = 1; exit }
        END { if (!found) printf "-" }' "$1"
}

# The exponent of a fit, as a slope (minus b), and its interval: slope NAME [KEY VALUE]; or its factor: factor NAME ...
slope() { awk_fit "$1" b -1 "${2:-}" "${3:-}"; }
factor() { awk_fit "$1" a 1 "${2:-}" "${3:-}"; }
awk_fit() {
    awk -F, -v p="$2" -v sign="$3" -v key="$4" -v value="$5" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        key != "" && $at[key] + 0 != value + 0 { next }
        {
            low = sign * $at[p "_lower"]; high = sign * $at[p "_upper"]
            if (sign < 0) { swap = low; low = high; high = swap }
            if ($at[p] == "") { printf "- | -"; exit }
            printf "%.2f | ", sign * $at[p]
            if ($at[p "_lower"] == "") printf "-"; else printf "%.2f to %.2f", low, high
            exit
        }' "$results/fits/$1.csv"
}

# The command of every fit, for the table: a name, what was run in the folder of the results.
commands() {
    echo "The fits, as run in the folder of the results:"
    echo
    for file in "$results"/fits/*.command; do
        printf "    %-24s %s\n" "$(basename "$file" .command)" "$(cat "$file")"
    done
}

# Draws figure.gp as SVG and PNG; the full setting's picture also takes its place beside the README.
figure() {
    for kind in svg png; do
        gnuplot -e "results='$results'; here='$here'; picture='$results/$1.$kind'" "$here/figure.gp" ||
            fail "gnuplot could not draw $results/$1.$kind"
        [ -s "$results/$1.$kind" ] || fail "$results/$1.$kind is empty"
        if [ $setting = full ] && [ "$results" = "$here/results" ]; then
            cp "$results/$1.$kind" "$here/$1.$kind"
        fi
    done
    echo "pictures: $results/$1.svg $results/$1.png"
}
