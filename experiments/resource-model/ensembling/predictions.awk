# What networks that differ in their seed alone predict. Input: rate width seed w b v c, one neuron a line (c: the output bias), networks in turn. For each rate and
# width, over an even grid of x in [-1, 1]: the squared error of the mean prediction (bias^2), the variance over seeds, and
# the mean squared error, which is their sum; and the same for REPEATS resamples of the seeds.
function silu(z) { return z < -80 ? 0 : z / (1 + exp(-z)) }

function report(    r, i, s, q, mean, square, bias, variance, x) {
    if (!n_seeds) return
    srand(1)
    for (r = 0; r <= REPEATS; r++) {
        for (s = 1; s <= n_seeds; s++) drawn[s] = r ? 1 + int(n_seeds * rand()) : s
        bias = variance = 0
        for (i = 0; i < GRID; i++) {
            x = -1 + (2 * i + 1) / GRID
            mean = square = 0
            for (s = 1; s <= n_seeds; s++) { q = y[drawn[s], i] - x * x; mean += q / n_seeds; square += q * q / n_seeds }
            bias += mean * mean / GRID
            variance += (square - mean * mean) / GRID
        }
        printf "%g,%d,%d,%.8g,%.8g,%.8g\n", rate, width, r, bias, variance, bias + variance
    }
}

function begin_seed(    i) {
    n_seeds++
    for (i = 0; i < GRID; i++) y[n_seeds, i] = $7
}

BEGIN { GRID = 50; print "rate,width,resample,bias,variance,error" }
$1 != rate || $2 != width { report(); rate = $1; width = $2; n_seeds = 0; seed = "" }
$3 != seed { seed = $3; begin_seed() }
{ for (i = 0; i < GRID; i++) y[n_seeds, i] += $6 * silu($4 * (-1 + (2 * i + 1) / GRID) + $5) }
END { report() }
