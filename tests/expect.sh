# shellcheck shell=bash
# What tests of the program share, to be sourced with it as $1: a folder of their own, and how they judge.
export LC_ALL=C # numbers with a decimal point
program=$(realpath "$1")
always=() # the arguments of a script before those that it gives to expect
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

fail() {
    printf 'FAILED: %s\n' "$*"
    failures=$((failures + 1))
}

# expect CODE PATTERN ARGUMENTS...: the exit code, and a pattern (extended) in what was printed to stderr.
expect() {
    local code=$1 pattern=$2
    shift 2
    "$program" "${always[@]}" "$@" >stdout 2>stderr
    local got=$? command="allometer ${always[*]} $*"
    [ "$got" -eq "$code" ] || fail "$command: exit code $got, expected $code; $(cat stderr)"
    [ -z "$pattern" ] || grep -qE -e "$pattern" stderr || fail "$command: expected '$pattern' in: $(cat stderr)"
}

# column NAME FILE: the values of a column of a CSV file without quoted commas.
column() {
    awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) c = i } NR > 1 { print $c }' "$2"
}

# close WHAT ACTUAL EXPECTED RELATIVE
close() {
    awk -v a="$2" -v e="$3" -v r="$4" 'BEGIN { d = a - e; if (d < 0) d = -d; exit !(a != "" && d <= r * (e < 0 ? -e : e)) }' ||
        fail "$1: '$2', expected $3"
}
