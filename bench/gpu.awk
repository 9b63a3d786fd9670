# Rates of a GPU beside the CPU's and the bound of each kernel. Files, each behind part=NAME: ceilings, cuda_ceiling's JSON; paper,
# kernels/cuda_paper.txt; cpu and gpu, rates (case,least,median,most). Writes the shares to the file `shares`, as JSON, and appends
# tables to the file `markdown`.
function value(line, key) {
    if (match(line, "\"" key "\": \"?[^\",}]*")) {
        line = substr(line, RSTART, RLENGTH); sub(/.*: "?/, "", line)
        return line
    }
    return ""
}
function most(a, b) { return a > b ? a : b }
function limit(word,    size, hidden, layers, kind) { # of a case's words, 1e9 neuron-samples/s; 0: not known
    if (word[1] != "train") return 0
    if (word[6] ~ /^l[0-9]+$/) { # a neuron's weights from the layer below, but for the first layer
        hidden = substr(word[2], 2) + 0; layers = substr(word[6], 2) + 0
        return bound["DEEP", 0] / (hidden * (layers - 1) / layers) * 1e-9
    }
    size = most(substr(word[4], 2) + 0, substr(word[5], 2) + 0)
    kind = toupper(word[6])
    if (size > 4) kind = kind == "SILU" ? "ANY" : "" # kernels of any activation are counted with SiLU alone
    return bound[kind, size <= 2 ? size : size <= 4 ? 4 : size <= 8 ? 8 : 16] * 1e-9
}

part == "ceilings" {
    if (value($0, "architecture") != "") architecture = value($0, "architecture")
    for (key in wanted) if (value($0, key) != "") ceiling[key] = value($0, key) + 0 # text would be compared as text
}
part == "paper" && $1 ~ /^train_shared_/ && $2 == architecture && ceiling["shared_loads_per_s"] > 0 {
    split($1, name, "_")
    fma = ceiling["multiply_adds_per_s"]
    # Four instructions of a warp in a clock. An A100 multiplies and adds in two of them, later devices in all; integers and
    # comparisons take two everywhere. The busiest unit's time:
    issue = (architecture == "sm_80" ? 2 : 1) * fma
    time = most(most($5 / fma, ($3 + $4) / issue), most(2 * $6 / issue, $8 / ceiling["shared_loads_per_s"]))
    bound[name[3], name[4]] = 1 / most(time, $7 / ceiling["special_functions_per_s"])
}
part == "cpu" { split($0, cell, ","); cpu[cell[1]] = cell[3] }
part == "gpu" { rows[++n_rows] = $0 }

BEGIN {
    n_keys = split("multiply_adds_per_s special_functions_per_s shared_loads_per_s shared_quad_loads_per_s memory_bytes_per_s", keys, " ")
    for (i = 1; i <= n_keys; i++) wanted[keys[i]] = 1
}
END {
    if (architecture != "") {
        printf "\n| ceiling of one GPU, %s | 1e9 |\n| --- | --- |\n", architecture >> markdown
        for (i = 1; i <= n_keys; i++) {
            if (!ceiling[keys[i]]) continue
            label = keys[i]; gsub(/_/, " ", label)
            printf "| %s | %.5g |\n", label, ceiling[keys[i]] * 1e-9 >> markdown
        }
    }
    printf "{" > shares
    if (n_rows > 0) {
        printf "\n%-36s %-30s %10s %8s %9s %9s\n", "1e9 neuron-samples/s; 1e3 fits/s", "least, median, most", "CPU", "times", "bound", "share"
        print "\n| case | one GPU: least / median / most | the CPU | times | bound | share of the bound |\n| --- | --- | --- | --- | --- | --- |" >> markdown
    }
    for (i = 1; i <= n_rows; i++) {
        split(rows[i], cell, ","); split(cell[1], word, " ")
        top = limit(word)
        cpu_rate = (cell[1] in cpu) ? cpu[cell[1]] : "-"
        times = cpu[cell[1]] > 0 ? sprintf("%.3g", cell[3] / cpu[cell[1]]) : "-"
        limit_text = top > 0 ? sprintf("%.4g", top) : "-"
        share = top > 0 ? sprintf("%.1f %%", 100 * cell[3] / top) : "-"
        printf "%-36s %10s%10s%10s %10s %8s %9s %9s\n", cell[1], cell[2], cell[3], cell[4], cpu_rate, times, limit_text, share
        printf "| %s | %s / %s / %s %s | %s | %s | %s | %s |\n", cell[1], cell[2], cell[3], cell[4],
               (word[1] == "train" ? "1e9 neuron-samples/s" : "1e3 fits/s"), cpu_rate, times, limit_text, share >> markdown
        if (top > 0) printf "%s\"%s\": {\"bound\": %.4g, \"share\": %.3f}", n++ ? ", " : "", cell[1], top, cell[3] / top > shares
    }
    print "}" > shares
}
