# Learning curves of known truth: n curves of each of eleven kinds, with noise of 0.1 to 5 %, 6 to 300 points over one to three
# decades of x, evenly in x or in log x, and points beyond the largest by a factor of 2, 4 or 10 (reach). The last three kinds
# are as a classifier's error rate during one run: a plateau at the level of chance, a power law, saturation; 20 to 500 points and
# up to 30 times beyond; their errors are independent, or go on from point to point (AR(1)), or only new minima are noted (stairs).
# Usage: awk -v n=N -v seed=SEED -f families.awk. Columns: curve, kind, noise, reach, n, x, y, fitted.
function u(a, b) { return a + (b - a) * rand() }
function gauss() { return sqrt(-2 * log(1 - rand())) * cos(6.283185307179586 * rand()) }
function soft(v) { return v > 30 ? v : log(1 + exp(v)) }

# log y at z = log(x / largest fitted x), for the parameters p[].
function truth(kind, z,    value, i) {
    if (kind == "power") return -p["c"] * z
    if (kind == "asymptote") return log(p["a"] + (1 - p["a"]) * exp(-p["c"] * z))
    if (kind == "shifted") return -p["c"] * log(exp(z) / (1 + exp(z - p["d1"])))
    if (kind == "sigmoid") return log(p["a"] + (1 - p["a"]) * exp(-p["k"] * soft(p["e"] * (z - p["d1"]))))
    if (kind ~ /^plateau/) return log(p["a"] + (1 - p["a"]) * exp(-p["k"] * p["f1"] * soft((z - p["d1"]) / p["f1"])))
    if (kind == "two powers") return log(p["a"] / 2 + exp(-p["c"] * z) + p["r"] * exp(-(p["c"] + p["e"]) * z))
    if (kind == "drift") { # a slope that wanders: three slow waves
        value = -p["c"] * z
        for (i = 1; i <= 3; ++i) value += p["w" i] * sin(z * i / 3 + p["s" i])
        return value
    }
    value = -p["c"] * z
    for (i = 1; i <= (kind == "one break" ? 1 : 2); ++i) value -= p["c" i] * p["f" i] * soft((z - p["d" i]) / p["f" i])
    return log(p["a"] / 2 + exp(value))
}

BEGIN {
    srand(seed)
    n_kinds = split("power,asymptote,shifted,sigmoid,one break,two breaks,two powers,drift,plateau,plateau AR(1),plateau stairs", kinds, ",")
    split("6 8 10 12 15 20 30 50 100 300", sizes, " "); split("20 30 50 100 200 500", many, " ")
    split("2 2 4 10", reaches, " "); split("2 2 4 10 30", far, " ")
    print "curve,kind,noise,reach,points,x,y,fitted"
    for (k = 1; k <= n_kinds; ++k) for (curve = 0; curve < n; ++curve) {
        long = kinds[k] ~ /^plateau/
        span = log(10) * u(1, 3)
        size = long ? many[1 + int(6 * rand())] : sizes[1 + int(10 * rand())]
        reach = long ? far[1 + int(5 * rand())] : reaches[1 + int(4 * rand())]
        noise = exp(u(log(0.001), log(0.05))); even = rand() < 0.5; scale = exp(u(-2, 0)); unit = exp(u(5, 22))
        p["c"] = u(0.05, 0.7); p["a"] = rand() < 0.3 ? 0 : u(0, 0.9); p["k"] = u(0.3, 1.5); p["e"] = u(0.3, 1.3)
        p["r"] = exp(u(-2, 2)); p["d1"] = u(-span, 0.5); p["d2"] = u(-span, 0.5)
        for (i = 1; i <= 3; ++i) {
            p["c" i] = 0.35 * gauss(); p["f" i] = exp(u(-2.3, 0.4)); p["w" i] = 0.1 * gauss(); p["s" i] = u(0, 6.28)
        }
        while (p["c"] + p["c1"] < 0 || p["c"] + p["c1"] + p["c2"] < 0) { p["c1"] = 0.35 * gauss(); p["c2"] = 0.35 * gauss() }
        if (long) { p["a"] *= 2 / 3; p["k"] = u(0.15, 0.8); p["d1"] = u(-0.95, -0.2) * span }
        keep = kinds[k] ~ /AR/ ? u(0.5, 0.97) : 0; error = keep ? gauss() : 0; least = 1e300
        for (i = 0; i < size + 8; ++i) {
            if (i >= size) z = log(reach) * (i - size + 1) / 8
            else z = even ? log(exp(-span) + (1 - exp(-span)) * i / (size - 1)) : -span * (1 - i / (size - 1))
            error = i < size ? keep * error + sqrt(1 - keep * keep) * gauss() : gauss() # points beyond are far apart
            y = truth(kinds[k], z) + noise * error
            least = y < least ? y : least
            printf "%s-%d,%s,%.4g,%d,%d,%.10g,%.10g,%d\n", kinds[k], curve, kinds[k], noise, reach, size,
                unit * exp(z), scale * exp(kinds[k] ~ /stairs/ ? least : y), i < size
        }
    }
}
