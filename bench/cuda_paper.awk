# Reads what cuobjdump prints of the training kernels (-sass, then -res-usage) and writes one row for each kernel and
# architecture: instructions of the two hot loops for each neuron-sample, the unit that bounds them, and what that comes to on
# a device of that architecture. Where it does not find a loop it says of which kernel, and why, writes the other rows, and
# ends with 1. Needs functions OWNED and AT_ONCE, and QUAD, TILE_ROWS and TILE_COLUMNS, which bench/cuda_paper takes from the
# kernels' text.
#
# The hot loops are those of kernels/passes_cuda.h, not unrolled, which hold no other loop. A turn is OWNED x AT_ONCE
# neuron-samples: AT_ONCE neurons' D + 1 + O weights (forward), or AT_ONCE samples' D inputs and O residuals (backward), come
# by a load each, and each neuron-sample takes D + O multiply-adds forward and twice as many, but for one, backward. What
# has just that many loads, all of AT_ONCE floats, and at least so many multiply-adds is the loop; where there are several,
# as measuring has a forward pass of its own, the one of fewest instructions. So a kernel that changes is not
# found, rather than counted wrong. Kernels of ANY activation hold all of them, behind jumps: of those, the shortest way
# through the loop that takes the two special functions of SiLU for each neuron-sample.
#
# Of several hidden layers: the loop of product_tile (kernels/product_cuda.h), for each multiply-add. A turn is QUAD numbers of
# each of the tile's rows and columns, which come by QUAD rows or columns at a load. Forward is one product, backward two.

function hex(text,    i, value) {
    value = 0
    for (i = 1; i <= length(text); i++) value = 16 * value + index("0123456789abcdef", substr(text, i, 1)) - 1
    return value
}

# Of sm_80, 90 and 100: results of a multiprocessor in one clock, from the CUDA C++ Programming Guide's table of arithmetic
# instructions. A load is one access of a warp, also of four floats, which all threads read alike: profiled on an H100, one
# wavefront.
BEGIN {
    issue = 128; alu = 64; special = 16; loads = 32
    fma["80"] = 64; fma["90"] = fma["100"] = 128
    # Clocks that the published peak of single precision comes to: 19.5, 67 and 75 TFLOP/s.
    device["80"] = "A100"; multiprocessors["80"] = 108; clock["80"] = 1.41e9
    device["90"] = "H100"; multiprocessors["90"] = 132; clock["90"] = 1.98e9
    device["100"] = "B200"; multiprocessors["100"] = 148; clock["100"] = 1.98e9
    n_units = split("all fma alu special load", units, " ")
}

function complain(reason) {
    print "cuda_paper: " name ", sm_" arch ": " reason > "/dev/stderr"
    failed = 1
}

function finish(    part, D, O, turns, found) {
    split(name, part, "_")
    if (n > 0 && part[1] == "train" && arch in fma) {
        n_kernels++
        find_loops()
        space = part[2] == "shared" ? "LDS" : "LDG?"
        specials = part[3] == "ANY" ? 2 : 0
        D = part[4]; O = part[5]
        turns = OWNED(D, O) * AT_ONCE(D, O)
        if (part[3] == "DEEP") {
            found = find("forward", TILE_ROWS + TILE_COLUMNS, QUAD, QUAD * TILE_ROWS * TILE_COLUMNS, 1)
            repeat("forward", "backward", 2)
        } else {
            found = find("forward", D + 1 + O, AT_ONCE(D, O), turns, D + O)
            found *= find("backward", D + O, AT_ONCE(D, O), turns, 2 * (D + O) - 1)
        }
        if (found) report()
    }
    n = 0
}

# The loops that hold no other: from first[l] to last[l].
function find_loops(    i, j, target, all, from, to, inner) {
    all = n_loops = 0
    for (i = 1; i <= n; i++) {
        target = goal(i)
        if (target && target <= i) { from[++all] = target; to[all] = i }
    }
    for (i = 1; i <= all; i++) {
        inner = 1
        for (j = 1; j <= all && inner; j++)
            inner = !(from[i] <= from[j] && to[j] <= to[i] && (from[i] < from[j] || to[j] < to[i]))
        if (inner) { first[++n_loops] = from[i]; last[n_loops] = to[i] }
    }
}

# Where instruction i jumps to, 0 if it does not or far away.
function goal(i) {
    if (op[i] !~ /^BRA/ || !match(text[i], /0x[0-9a-f]+/)) return 0
    return at[substr(text[i], RSTART + 2, RLENGTH - 2)] + 0
}

# Leaves in cost[pass, unit] what one neuron-sample of the pass takes. 0, with a complaint, if there is no such loop.
function find(pass, n_loads, width, turns, products,    l, c, u, least, seen) {
    least = 0
    for (l = 1; l <= n_loops; l++) {
        if (!mark_way(first[l], last[l], specials * turns)) continue
        count(first[l], last[l], c)
        if (c["products"] < turns * products) continue
        if (c["load"]) seen = seen (seen ? ", " : "") c["load"] " at 0x" address[first[l]]
        if (c["load"] != n_loads || c["load", width] != n_loads || (least && c["all"] >= least)) continue
        least = c["all"]
        for (u = 1; u <= n_units; u++) cost[pass, units[u]] = c[units[u]] / turns
    }
    if (!least)
        complain("no loop of " n_loads " loads of " width " float" (width > 1 ? "s" : "") " and " turns * products \
                 " multiply-adds (" pass "); " (seen ? "loads of loops that have these: " seen : "none has these"))
    return least > 0
}

function repeat(pass, other, times,    u) {
    for (u = 1; u <= n_units; u++) cost[other, units[u]] = times * cost[pass, units[u]]
}

# Counts instructions of the marked way by unit.
function count(from, to, c,    i, o) {
    split("", c)
    for (i = from; i <= to; i++) {
        if (!(i in on_way)) continue
        o = op[i]; sub(/\..*/, "", o)
        c["all"]++
        if (o ~ /^F(FMA|ADD|MUL)2$/) c["fma"] += 2
        else if (o ~ /^(FFMA|FADD|FMUL|HFMA2|IMAD)$/) c["fma"]++
        else if (o == "MUFU") c["special"]++
        else if (o ~ "^" space "$") { c["load"]++; c["load", op[i] ~ /\.128/ ? 4 : op[i] ~ /\.64/ ? 2 : 1]++ }
        else if (o !~ /^(BRA|BRX|BSSY|BSYNC|NOP|LDC|U.*)$/) c["alu"]++
        if (o ~ /^FFMA2?$/) c["products"] += o == "FFMA2" ? 2 : 1
    }
}

# Marks the instructions of the shortest way through a loop that takes just so many special functions, or, for 0 of them, all.
# 0 if there is none. A jump through a table may lead to whatever stands behind a jump that is always taken.
function mark_way(from, to, wanted,    i, s, j, shortest, following) {
    split("", on_way)
    if (!wanted) {
        for (i = from; i <= to; i++) on_way[i]
        return 1
    }
    for (i = from; i <= to; i++) s += op[i] ~ /^MUFU/
    if (s < wanted) return 0
    shortest[to, 0] = 1
    for (i = to - 1; i >= from; i--) {
        if (op[i] ~ /^BRX/) {
            for (j = i + 1; j <= to; j++)
                if (op[j - 1] ~ /^BR[AX]/ && !guarded[j - 1]) lead(i, j, to, wanted, shortest, following)
        } else {
            if (op[i] ~ /^BRA/) lead(i, goal(i), to, wanted, shortest, following)
            if (op[i] !~ /^BRA/ || guarded[i]) lead(i, i + 1, to, wanted, shortest, following)
        }
    }
    if (!((from, wanted) in shortest)) return 0
    s = wanted
    for (i = from; i; i = j) {
        on_way[i]
        j = following[i, s]
        s -= op[i] ~ /^MUFU/
    }
    return 1
}

# Ways from i on that go to j: to each number of special functions the shortest.
function lead(i, j, to, wanted, shortest, following,    s, t) {
    if (j <= i || j > to) return
    for (s = 0; s <= wanted; s++) {
        t = s + (op[i] ~ /^MUFU/)
        if (!((j, s) in shortest) || ((i, t) in shortest && shortest[i, t] <= shortest[j, s] + 1)) continue
        shortest[i, t] = shortest[j, s] + 1
        following[i, t] = j
    }
}

function largest(clocks, what) {
    if (clocks > bound) { bound = clocks; unit = what }
}

function report(    u, sums) {
    for (u = 1; u <= n_units; u++) sums[units[u]] = cost["forward", units[u]] + cost["backward", units[u]]
    bound = 0
    largest(sums["all"] / issue, "issue")
    largest(sums["fma"] / fma[arch], "multiply-add")
    largest(sums["alu"] / alu, "integer and compare")
    largest(sums["special"] / special, "special function")
    largest(sums["load"] / loads, "load")
    n_rows++
    format = "%-28s %-6s %7.1f %6.1f %7.1f %7.1f %7.1f %6.1f %6.3f   %-20s"
    if (name ~ /_DEEP_/) gsub(/\.1f/, ".2f", format) # so few instructions that their tenths would be rough
    row[n_rows] = sprintf(format, name, "sm_" arch, cost["forward", "all"],
                          cost["backward", "all"], sums["fma"], sums["alu"], sums["special"], sums["load"], bound, unit)
    rate[n_rows] = multiprocessors[arch] * clock[arch] / bound * 1e-9
    of[n_rows] = arch SUBSEP name
}

/^(arch = |.*code for )sm_/ || /^Fatbin elf code/ {
    finish()
    if (match($0, /sm_[0-9]+/)) arch = substr($0, RSTART + 3, RLENGTH - 3)
}
/^ Function / { usage_name = demangled($2) }
/REG:/ { match($0, /REG:[0-9]+/); registers_of[arch, usage_name] = substr($0, RSTART + 4, RLENGTH - 4) }
/Function : / { finish(); split("", at); split("", guarded); name = demangled($3); training = name ~ /^train_/ }
training && /^ *\/\*[0-9a-f]+\*\/ .*;/ {
    line = $0; sub(/^ *\/\*/, "", line)
    n++
    address[n] = line; sub(/\*\/.*/, "", address[n]); sub(/^0+/, "", address[n]); if (address[n] == "") address[n] = "0"
    sub(/^[0-9a-f]+\*\/ */, "", line); sub(/ *;.*/, "", line)
    if (sub(/^@!?U?P[0-9T]+ /, "", line)) guarded[n] = 1
    text[n] = line; op[n] = line; sub(/ .*/, "", op[n]); at[address[n]] = n
}
END {
    finish()
    for (i = 1; i <= n_rows; i++) {
        registers = registers_of[of[i]]
        if (!registers) {
            split(of[i], words, SUBSEP); arch = words[1]; name = words[2]
            complain("no registers in the report of resources")
            continue
        }
        # A quarter of a multiprocessor has 16384 registers and gives a warp of 32 threads whole groups of 8 for each.
        warps = 4 * int(16384 / (32 * 8 * int((registers + 7) / 8)))
        printf "%s %4d %5d %7.0f\n", row[i], registers, (warps > 64 ? 64 : warps), rate[i]
    }
    if (!n_kernels) { print "cuda_paper: no training kernel found" > "/dev/stderr"; failed = 1 }
    exit failed
}

function demangled(mangled,    size) {
    sub(/:$/, "", mangled)
    if (!match(mangled, /^_ZL?[0-9]+/)) return mangled
    size = substr(mangled, 1, RLENGTH); gsub(/[^0-9]/, "", size)
    return substr(mangled, RLENGTH + 1, size)
}
