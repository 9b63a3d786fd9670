# What these experiments share, beside what all do (../common.sh): sweeps, and power laws of their results.
#
#     run [--quick | --smoke] [RESULTS]
#
# --quick: fewer alphas and seeds, the same physics. --smoke: seconds. A sweep found in RESULTS goes on where it stopped.

# shellcheck source=experiments/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

# The sweep file $1 as it stands for the full setting; else its axes are replaced by the text on standard input, and the
# smoke setting trains and measures for a moment only. Then the sweep itself, into $2.db.
sweep() {
    file=$here/$1
    if [ $setting != full ]; then
        steps=${quick_steps:-40000} held_out='&'
        [ $setting != smoke ] || steps=${smoke_steps:-1000} held_out='measure: {samples: 64'
        {
            sed -e '/^axes:/,$d' -e "s/measure: {samples: [0-9]*/$held_out/" -e "s/steps: [0-9]*/steps: $steps/; s/retrain: [0-9]*/retrain: $((steps / 2))/" "$file"
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

# Fits y = a x^-b to the rows of a CSV: power NAME FILE X Y [OPTION...]. Intervals: 95 %, from 2000 resamples of the seeds
# where the file has seeds.
power() {
    name=$1 file=$2 x=$3 y=$4
    shift 4
    if head -n 1 "$file" | grep -qE '(^|,)seed(,|$)'; then
        set -- --bootstrap 2000 --cluster seed "$@"
    fi
    fit "$name" "$file" --law power --x "$x" --y "$y" "$@"
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
