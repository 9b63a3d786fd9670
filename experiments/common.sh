# What all experiments share; each `run` sources it with its arguments, itself or through its own common.sh.
#
#     run [--quick | --smoke] [DATA.csv] [RESULTS]
#
# --quick: less of everything, the same physics. --smoke: seconds, only to see that the script works. DATA.csv: where the
# experiment reads published data. RESULTS is the folder for all that is made, `results` (or `results-quick`,
# `results-smoke`) here unless said otherwise. The program is $ALLOMETER, or that of build/release, or the one on the PATH.

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LC_ALL=C.UTF-8 # where the user's language has a decimal comma, awk, printf and od read and write numbers with it

fail() {
    echo "$0: $*" >&2
    exit 1
}

setting=full results='' data=''
for argument in "$@"; do
    case $argument in
    --quick) setting=quick ;;
    --smoke) setting=smoke ;;
    -*)
        echo "usage: $0 [--quick | --smoke] [DATA.csv] [RESULTS]" >&2
        exit 2
        ;;
    *.csv) data=$argument ;;
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

# Fits a law to a CSV: fit NAME FILE OPTION...; the result is fits/NAME.csv, and the command stays beside it.
fit() {
    name=$1
    shift
    {
        printf "allometer fit"
        for word in "$@"; do
            word=${word//$results\//} word=${word//$here\//../}
            case $word in
            *[!A-Za-z0-9_.,:=/@%+-]*) printf " '%s'" "$word" ;;
            *) printf " %s" "$word" ;;
            esac
        done
    } >"$results/fits/$name.command"
    "$ALLOMETER" fit "$@" --quiet --out "$results/fits/$name.csv"
}

# A column of a CSV's row where another column has a value, as printf's FORMAT has it, or "-" where there is none:
# cell FILE COLUMN FORMAT [KEY VALUE]
cell() {
    awk -F, -v column="$2" -v format="$3" -v key="${4:-}" -v value="${5:-}" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        $at[column] == "" || key != "" && $at[key] + 0 != value + 0 { next }
        { printf format, $at[column]; found = 1; exit }
        END { if (!found) printf "-" }' "$1"
}

# The command of every fit, for the table: a name, what was run in the folder of the results.
commands() {
    echo "The fits, as run in the folder of the results:"
    echo
    for file in "$results"/fits/*.command; do
        printf "    %-24s %s\n" "$(basename "$file" .command)" "$(cat "$file")"
    done
}

# Shows the tables of the results' NAME.md, of those there are; the full setting in its own place also puts each into the README,
# where that has a table with the same heading, and the fits' commands in place of those there: show_tables NAME...
show_tables() {
    for name; do
        [ ! -f "$results/$name.md" ] || { cat "$results/$name.md" && echo; }
    done >"$results/tables.md"
    cat "$results/tables.md"
    if [ $setting != full ] || [ "$results" != "$here/results" ]; then return; fi
    awk -v RS= '
        { key = /^\|/ ? substr($0, 1, index($0, "\n")) : /^    / && last ~ /^The fits, as run/ ? last : ""; last = $0 }
        key != "" && (FILENAME, key) in seen { print "two tables begin with", key >"/dev/stderr"; wrong = 1 }
        { seen[FILENAME, key] = 1 }
        FILENAME == ARGV[1] { if (key != "") made[key] = $0; next }
        key in made { $0 = made[key]; placed[key] = 1 }
        { printf "%s%s\n", (FNR > 1 ? "\n" : ""), $0 }
        END {
            for (key in made) if (key ~ /^\|/ && !(key in placed)) { print "no table in the README begins with", key >"/dev/stderr"; wrong = 1 }
            exit wrong
        }
    ' "$results/tables.md" "$here/README.md" >"$results/README.md" || fail "$here/README.md was left as it is"
    cat "$results/README.md" >"$here/README.md"
}

# Draws NAME.gp, or figure.gp where there is none, as NAME.svg and NAME.png; the full setting's picture also takes its
# place beside the README. figure NAME
figure() {
    script=$here/$1.gp
    [ -f "$script" ] || script=$here/figure.gp
    set -- "$1" "${results//\'/\'\'}" "${here//\'/\'\'}" "${root//\'/\'\'}" # as gnuplot quotes
    for kind in svg png; do
        results=$results gnuplot -e "results='$2'; here='$3'; root='$4'; picture='$2/$1.$kind'" "$script" ||
            fail "gnuplot could not draw $results/$1.$kind"
        [ -s "$results/$1.$kind" ] || fail "$results/$1.$kind is empty"
        if [ $setting = full ] && [ "$results" = "$here/results" ]; then
            cp "$results/$1.$kind" "$here/$1.$kind"
        fi
    done
    echo "pictures: $results/$1.svg $results/$1.png"
}

# Of gnuplot's SVG on stdin: the same picture in less than half the bytes, without groups of nothing and without what
# every group says again; places to a tenth of a pixel.
small_svg() {
    sed -E 's/<svg /&fill="none" stroke="currentColor" font-family="sans" /; /<rect[^>]*stroke=/!s/<rect /&stroke="none" /
        s|^<defs>|<style>text { stroke: none; fill: black }</style>&|; s/ stroke="none" fill="black" font-family="sans"//
        s/ (stroke-linecap="butt"|stroke-linejoin="miter"|stroke-width="1.00"|color="black"|class="gridline"|stroke=.black.|id="gnuplot_plot[^"]*")//g
        s/^<g fill="none" stroke="currentColor">/<g>/; s/<tspan font-family="sans" >/<tspan>/g; s| +(.)/>|\1/>|; s|(<g.*)<title>[^<]*</title>|\1|
        /<text|<\?xml/!{s/([0-9]\.[0-9])[0-9]\b/\1/g; s/([0-9])\.0\b/\1/g}
        s/rgb\( 37,  37,  37\)/#252525/; s/rgb\(224, 224, 224\)/#e0e0e0/' |
        awk '/^<g/ { held = $0; next }
            held != "" { if ($0 != "</g>") print held; if ($0 == "</g>") { held = ""; next } held = "" }
            { print }'
}
