# Rates of a GPU beside the bound of each kernel. Files: cuda_ceiling's JSON, kernels/cuda_paper.txt, rates on the CPU, rates on
# the GPU (case,least,median,most). Writes the shares to the file `shares` too.
function value(line, key) {
    if (match(line, "\"" key "\": \"?[^\",}]*")) {
        line = substr(line, RSTART, RLENGTH); sub(/.*: "?/, "", line)
        return line
    }
    return ""
}
function least(a, b) { return a < b ? a : b }
function most(a, b) { return a > b ? a : b }

FNR == 1 { file++ }
file == 1 {
    if (value($0, "architecture") != "") architecture = value($0, "architecture")
    if (value($0, "multiply_adds_per_s") != "") fma = value($0, "multiply_adds_per_s")
    if (value($0, "special_functions_per_s") != "") special = value($0, "special_functions_per_s")
    if (value($0, "shared_loads_per_s") != "") shared = value($0, "shared_loads_per_s")
}
file == 2 && $1 ~ /^train_shared_/ && $2 == architecture {
    split($1, part, "_")
    # Four instructions of a warp in a clock; an A100 multiplies and adds in two of them, later devices in all.
    issue = (architecture == "sm_80" ? 2 : 1) * fma
    bound[part[3], part[4]] = least(least(fma / $5, issue / ($3 + $4)), least($7 > 0 ? special / $7 : fma, shared / $8))
}
file == 3 { split($0, cell, ","); cpu[cell[1]] = cell[3] }
file == 4 {
    if (FNR == 1) {
        printf "%-32s %-30s %10s %10s %9s\n", "1e9 neuron-samples/s; 1e3 fits/s", "least, median, most", "CPU", "bound", "share"
        printf "{" > shares
    }
    split($0, cell, ","); split(cell[1], word, " ")
    size = most(substr(word[4], 2) + 0, substr(word[5], 2) + 0)
    size = size <= 1 ? 1 : size <= 2 ? 2 : size <= 4 ? 4 : 0
    limit = word[1] == "train" ? bound[toupper(word[6]), size] * 1e-9 : 0
    printf "%-32s %10s%10s%10s %10s %10s %9s\n", cell[1], cell[2], cell[3], cell[4], cell[1] in cpu ? cpu[cell[1]] : "-",
           limit ? sprintf("%.4g", limit) : "-", limit ? sprintf("%.1f %%", 100 * cell[3] / limit) : "-"
    if (limit) printf "%s\"%s\": {\"bound\": %.4g, \"share\": %.3f}", n++ ? ", " : "", cell[1], limit, cell[3] / limit > shares
}
END { if (file >= 4) print "}" > shares }
