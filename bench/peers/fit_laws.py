"""The laws that fits are compared on, written once for numpy and JAX: log y of log x (or of x), and parameters as ours has
them."""


def laws(np):
    def bnsl(n):
        def log_y(x, *t):
            exponent = t[1] - t[2] * x
            for i in range(n):
                width = np.exp(t[3 * i + 5])
                exponent = exponent - t[3 * i + 3] * width * np.logaddexp(0.0, (x - t[3 * i + 4]) / width)
            return np.log(t[0] + np.exp(exponent))

        return log_y

    def power_offset(x, a, log_b, c):
        return np.log(a + np.exp(log_b - c * x))

    return {"power-offset": power_offset, "bnsl-1": bnsl(1), "bnsl-2": bnsl(2)}
