# What a hard budget should give, derived. Prints `case,neurons,loss,ratio`: the loss of x^2 alone with so many neurons, and the
# best division between two squares weighted 4 : 1. Variables: alpha, alpha2 (of the pair); cases as in the tables.
#
# SiLU: P mirror pairs of input weight w and output weight v = 2 / (P w^2), without biases, leave K w^4 (../README.md) and pay
# l2 2P (v^2 + w^2) + l1 2P (v + w); the objective is least over w. ReLU: N neurons are N + 1 lines, best of equal length
# h = 2 / (N + 1), each of which leaves h^4 / 180 of a square.
function paid(w, P, l1, l2,    v) { v = 2 / (P * w * w); return 2 * P * (l2 * (v * v + w * w) + l1 * (v + w)) }
function least(a, P, l1, l2,    low, high, i, m, n) { # the best w, by golden section over its logarithm
    low = -3; high = 2
    for (i = 0; i < 60; i++) {
        m = low + 0.382 * (high - low); n = low + 0.618 * (high - low)
        if (a * K * exp(4 * m) + paid(exp(m), P, l1, l2) < a * K * exp(4 * n) + paid(exp(n), P, l1, l2)) high = n
        else low = m
    }
    return exp(m)
}
function objective(a, P, l1, l2,    w) { w = least(a, P, l1, l2); return a * K * w ^ 4 + paid(w, P, l1, l2) }
function both(first, N, l1, l2) {
    return objective(0.8 * alpha2, first / 2, l1, l2) + objective(0.2 * alpha2, (N - first) / 2, l1, l2)
}
function division(N, l1, l2,    low, high, i, m, n) { # neurons of the first
    low = 0.02 * N; high = 0.98 * N
    for (i = 0; i < 50; i++) {
        m = low + 0.382 * (high - low); n = low + 0.618 * (high - low)
        if (both(m, N, l1, l2) < both(n, N, l1, l2)) high = n
        else low = m
    }
    return m
}
function smooth(name, N, l1, l2,    w, n) {
    w = least(alpha, N / 2, l1, l2)
    n = division(N, l1, l2)
    printf "%s,%d,%.4e,%.3f\n", name, N, K * w ^ 4, n / (N - n)
}
function lines(name, N,    first) { # of N + 2 lines the best division has (4)^(1/5) as many
    first = 4 ^ 0.2 / (1 + 4 ^ 0.2) * (N + 2) - 1
    printf "%s,%d,%.4e,%.3f\n", name, N, 16 / 180 / (N + 1) ^ 4, first / (N - first)
}
BEGIN {
    K = 64 / (1225 * 9 * 144)
    print "kind,neurons,loss,ratio"
    for (N = 2; N <= 32; N += 2) smooth(0, N, 0, 3e-4)
    for (N = 2; N <= 32; N += 2) smooth(1, N, 1e-4, 3e-4)
    for (N = 2; N <= 32; N += 2) lines(2, N)
}
