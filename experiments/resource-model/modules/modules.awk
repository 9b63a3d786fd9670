# Mirror pairs (modules) of trained networks, and the errors that they make. Input: alpha seed w b v, one live neuron a
# line, networks in turn. A module is a neuron and the one nearest to its mirror image (-w, b, v). Its error is what is left
# of its output after the best a + c x^2. Writes models.csv, modules.csv, curves.csv and correlations.csv into FOLDER;
# curves and correlations of seed 0.
function silu(z) { return z / (1 + exp(-z)) }
function absolute(z) { return z < 0 ? -z : z }

function pair_up(    i, j, best, gap, least) {
    n_modules = 0
    for (i = 1; i <= n; i++) taken[i] = 0
    for (i = 1; i <= n; i++) {
        if (w[i] <= 0) continue
        best = 0
        for (j = 1; j <= n; j++) {
            if (w[j] > 0 || taken[j]) continue
            gap = absolute(w[i] + w[j]) + absolute(b[i] - b[j]) + absolute(v[i] - v[j])
            if (!best || gap < least) { best = j; least = gap }
        }
        if (!best || least > 0.25 * w[i]) continue
        taken[i] = taken[best] = 1
        n_modules++
        one[n_modules] = i; two[n_modules] = best
        if (least > widest) widest = least
    }
}

function sort_modules(    i, j, t) { # by |w|
    for (i = 2; i <= n_modules; i++)
        for (j = i; j > 1 && w[one[j]] < w[one[j - 1]]; j--) {
            t = one[j]; one[j] = one[j - 1]; one[j - 1] = t
            t = two[j]; two[j] = two[j - 1]; two[j - 1] = t
        }
}

# Of each module and, as module 0, of the whole network.
function errors(    m, i, k, x, y, s1, s2, s4, y0, y2, determinant, a) {
    for (m = 0; m <= n_modules; m++) {
        s1 = s2 = s4 = y0 = y2 = 0
        for (i = 0; i < GRID; i++) {
            x = -1 + (2 * i + 1) / GRID
            y = 0
            for (k = 1; k <= n; k++)
                if (!m || k == one[m] || k == two[m]) y += v[k] * silu(w[k] * x + b[k])
            e[m, i] = y
            s1 += 1; s2 += x * x; s4 += x * x * x * x; y0 += y; y2 += y * x * x
        }
        determinant = s1 * s4 - s2 * s2
        a = (y0 * s4 - y2 * s2) / determinant
        share[m] = (s1 * y2 - s2 * y0) / determinant
        norm[m] = 0
        for (i = 0; i < GRID; i++) {
            x = -1 + (2 * i + 1) / GRID
            e[m, i] -= a + share[m] * x * x
            norm[m] += e[m, i] * e[m, i] / GRID
        }
        norm[m] = sqrt(norm[m])
    }
}

function report(    m, k, i, dot, all, pairs, near, negative) {
    if (!n) return
    pair_up(); sort_modules(); errors()
    for (m = 1; m <= n_modules; m++) {
        all += norm[m]
        printf "%g,%d,%d,%.6f,%.6f,%.6f,%.6f,%.6g\n", alpha, seed, m, w[one[m]], b[one[m]], v[one[m]], share[m], norm[m] >FOLDER "/modules.csv"
        for (i = 0; seed == 0 && i < GRID; i++)
            printf "%g,%d,%g,%.6g\n", alpha, m, -1 + (2 * i + 1) / GRID, e[m, i] >FOLDER "/curves.csv"
        for (k = 1; k <= n_modules; k++) {
            dot = 0
            for (i = 0; i < GRID; i++) dot += e[m, i] * e[k, i] / GRID
            dot /= norm[m] * norm[k]
            if (seed == 0) printf "%g,%d,%d,%.4f\n", alpha, m, k, dot >FOLDER "/correlations.csv"
            if (k <= m) continue
            pairs++
            near += absolute(dot) > 0.9
            negative += dot < 0
        }
    }
    printf "%g,%d,%d,%d,%d,%s,%s,%s\n", alpha, seed, n, n_modules, n - 2 * n_modules, pairs ? near / pairs : "",
        pairs ? negative / pairs : "", all ? norm[0] / all : "" >FOLDER "/models.csv"
}

BEGIN {
    GRID = 100
    print "alpha,seed,neurons,modules,unpaired,near,negative,left" >FOLDER "/models.csv"
    print "alpha,seed,module,w,b,v,share,error" >FOLDER "/modules.csv"
    print "alpha,module,x,e" >FOLDER "/curves.csv"
    print "alpha,i,j,correlation" >FOLDER "/correlations.csv"
}
$1 != alpha || $2 != seed { report(); n = 0; alpha = $1; seed = $2 }
{ n++; w[n] = $3; b[n] = $4; v[n] = $5 }
END { report() }
