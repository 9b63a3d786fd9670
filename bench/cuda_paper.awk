# Reads what cuobjdump prints of the training kernels (-sass, then -res-usage) and writes one row for each kernel and
# architecture: instructions of the two hot loops for each neuron-sample, the unit that bounds them, and what that comes to on
# a device of that architecture.
#
# The hot loops are those that hold no other and that multiply and add what they load from shared memory, without storing. The loss
# of classification, which turns integers into floats and takes exponentials, stands between forward and backward. Of the
# variants of each (several threads to a sample or to a neuron, one, and what is left over by unrolling) the last is taken that is
# unrolled at least half as often as any: one thread to a sample or neuron. It loads every weight of the neuron, or all that is
# known of the sample; pruning and measuring, which do much the same, load less. Backward multiplies and adds more often than
# forward, which measuring, behind it, does again. A turn of a
# loop is as many neuron-samples as its counter's step says, times those that a thread owns (OWNED in kernels/passes_cuda.h).
#
# Of the kernel for several hidden layers: the loops of the first three matrix products, which are the forward pass, the
# gradient and the upstream derivative, for each weight and sample.

function hex(text,    i, value) {
    value = 0
    for (i = 1; i <= length(text); i++) value = 16 * value + index("0123456789abcdef", substr(text, i, 1)) - 1
    return value
}

# Of sm_80, 90 and 100: results of a multiprocessor in one clock, from the CUDA C++ Programming Guide's table of arithmetic
# instructions; a shared load is one access of a warp. Of four floats that all threads read alike it counts as two: no manual
# says, bench/gpu measures it.
BEGIN {
    issue = 128; alu = 64; special = 16; shared = 32
    fma["80"] = 64; fma["90"] = fma["100"] = 128
    # Clocks that the published peak of single precision comes to: 19.5, 67 and 75 TFLOP/s.
    device["80"] = "A100"; multiprocessors["80"] = 108; clock["80"] = 1.41e9
    device["90"] = "H100"; multiprocessors["90"] = 132; clock["90"] = 1.98e9
    device["100"] = "B200"; multiprocessors["100"] = 148; clock["100"] = 1.98e9
}

function finish(    i, j, target, inner, n_loops, first, last, forward, backward, part) {
    n_loops = 0
    for (i = 1; i <= n; i++) {
        if (op[i] !~ /^BRA/ || !match(text[i], /0x[0-9a-f]+/)) continue
        target = substr(text[i], RSTART + 2, RLENGTH - 2)
        if ((target in at) && at[target] <= i) { n_loops++; first[n_loops] = at[target]; last[n_loops] = i }
    }
    n_hot = losses = 0
    split(name, part, "_")
    terms = part[4] + part[5]
    owned = terms <= 8 ? 2 : 1
    for (i = 1; i <= n_loops; i++) {
        inner = 1
        for (j = 1; j <= n_loops; j++)
            if (j != i && first[i] <= first[j] && last[j] <= last[i] && !(first[i] == first[j] && last[i] == last[j])) inner = 0
        if (inner) consider(first[i], last[i])
    }
    forward = is_deep(name) ? deep_loops() : choose(0, terms, terms + 1)
    backward = is_deep(name) ? 2 * (forward > 0) : forward ? choose(1, hot[forward, "products"] + terms / 2, terms) : 0
    if (backward) report(forward, backward)
    else if (n > 0 && name ~ /^train_shared/ && name !~ /_ANY_/ && arch in fma) print "hot loops not found: " name ", sm_" arch > "/dev/stderr"
    n = 0
}

# Of the hot loops behind so many losses, with at least so many products and loads from shared memory.
function choose(behind, products, loads,    i, most, chosen) {
    for (i = 1; i <= n_hot; i++)
        if (is_such(i, behind, products, loads) && hot[i, "turns"] > most) most = hot[i, "turns"]
    for (i = 1; i <= n_hot; i++)
        if (is_such(i, behind, products, loads) && hot[i, "turns"] >= most / 2) chosen = i
    return chosen
}

function is_such(i, behind, products, loads) {
    return hot[i, "losses"] == behind && hot[i, "products"] >= products && hot[i, "shared"] >= loads
}

function is_deep(name) { return name ~ /_DEEP_/ }

# The first three hot loops as two: forward, and the others together. 1, or 0 if there are not so many.
function deep_loops(    key, keys) {
    if (n_hot < 3) return 0
    split("fma alu special shared all", keys, " ")
    for (key in keys) hot[2, keys[key]] += hot[3, keys[key]]
    return 1
}

# Keeps the loop's counts if it is a hot one.
function consider(from, to,    i, o, c, turns, cold) {
    split("", c)
    for (i = from; i <= to; i++) {
        o = op[i]; sub(/\..*/, "", o)
        c["all"]++
        if (o ~ /^(STS|STG|STL|LDL|LDG|SHFL|I2F|I2FP|BSSY|BAR|ATOMG|FCHK)$/) cold = 1
        if (o ~ /^I2FP?$/) c["integers"]++
        if (op[i] == "MUFU.EX2") c["exponentials"]++
        if (o == "FFMA2" || o == "FADD2" || o == "FMUL2") c["fma"] += 2
        else if (o ~ /^(FFMA|FADD|FMUL|HFMA2|IMAD)$/) c["fma"]++
        else if (o == "MUFU") c["special"]++
        else if (o == "LDS") c["shared"] += op[i] ~ /128/ ? 2 : 1
        else c["alu"]++
        if (o ~ /^FFMA2?$/) c["products"] += o == "FFMA2" ? 2 : 1
    }
    if (c["integers"] && c["exponentials"] && !(losses && loss_at + 400 > from)) { losses++; loss_at = to }
    turns = is_deep(name) ? (c["products"] >= 48 ? c["products"] : 0) : owned * step(from, to)
    if (cold || !turns || !c["shared"] || !c["products"]) return
    n_hot++
    hot[n_hot, "turns"] = turns
    hot[n_hot, "losses"] = losses
    for (o in c) hot[n_hot, o] = c[o] / turns
    if (!c["special"]) hot[n_hot, "special"] = 0
}

# By how much the counter moves that the last comparison looks at.
function step(from, to,    i, j, k, words, counter) {
    for (i = to; i >= from; i--) {
        if (op[i] !~ /^U?ISETP/) continue
        split(text[i], words, /[ ,]+/)
        for (j = 3; j in words; j++) {
            counter = words[j]; sub(/\.reuse.*/, "", counter)
            if (counter !~ /^U?R[0-9]+$/) continue
            for (k = from; k <= to; k++)
                if (op[k] ~ /^(U?IADD3|VIADD)/ && match(text[k], "^[^ ]+ " counter ", (PT, PT, )?" counter "(.reuse)?, -?0x[0-9a-f]+")) {
                    counter = substr(text[k], RSTART, RLENGTH); sub(/.*0x/, "", counter)
                    counter = hex(counter)
                    return counter > 2147483648 ? 4294967296 - counter : counter
                }
        }
        break
    }
    return 0
}

function largest(rate, what) {
    if (rate > bound) { bound = rate; unit = what }
}

function report(forward, backward,    sums, key, keys) {
    if (!(arch in fma) || name ~ /_ANY_/) return
    split("fma alu special shared all", keys, " ")
    for (key in keys) sums[keys[key]] = hot[forward, keys[key]] + hot[backward, keys[key]]
    bound = 0
    largest(sums["all"] / issue, "issue")
    largest(sums["fma"] / fma[arch], "multiply-add")
    largest(sums["alu"] / alu, "integer and compare")
    largest(sums["special"] / special, "special function")
    largest(sums["shared"] / shared, "shared-memory load")
    n_rows++
    row[n_rows] = sprintf("%-28s %-6s %7.1f %6.1f %7.1f %7.1f %7.1f %6.1f %6.2f   %-20s", name, "sm_" arch, hot[forward, "all"],
                          hot[backward, "all"], sums["fma"], sums["alu"], sums["special"], sums["shared"], bound, unit)
    rate[n_rows] = multiprocessors[arch] * clock[arch] / bound * 1e-9
    of[n_rows] = arch SUBSEP name
}

/^(arch = |.*code for )sm_/ || /^Fatbin elf code/ {
    finish()
    if (match($0, /sm_[0-9]+/)) arch = substr($0, RSTART + 3, RLENGTH - 3)
}
/^ Function / { usage_name = demangled($2) }
/REG:/ { match($0, /REG:[0-9]+/); registers_of[arch, usage_name] = substr($0, RSTART + 4, RLENGTH - 4) }
/Function : / { finish(); n = 0; split("", at); name = demangled($3) }
/^ *\/\*[0-9a-f]+\*\/ .*;/ {
    line = $0; sub(/^ *\/\*/, "", line)
    address = line; sub(/\*\/.*/, "", address); sub(/^0+/, "", address); if (address == "") address = "0"
    sub(/^[0-9a-f]+\*\/ */, "", line); sub(/ *;.*/, "", line); sub(/^@!?U?P[0-9T]+ /, "", line)
    n++; text[n] = line; op[n] = line; sub(/ .*/, "", op[n]); at[address] = n
}
END {
    finish()
    for (i = 1; i <= n_rows; i++) {
        registers = registers_of[of[i]]
        blocks = registers ? int(65536 / (int((registers + 7) / 8) * 8 * 256)) : 0
        printf "%s %4d %5d %7.0f\n", row[i], registers, 8 * (blocks > 8 ? 8 : blocks), rate[i]
    }
}

function demangled(mangled,    size) {
    sub(/:$/, "", mangled)
    if (!match(mangled, /^_ZL?[0-9]+/)) return mangled
    size = substr(mangled, 1, RLENGTH); gsub(/[^0-9]/, "", size)
    return substr(mangled, RLENGTH + 1, size)
}
