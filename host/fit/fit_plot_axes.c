/* Where the panels of a picture lie, and their axes. */
#include "fit_plot.h"

#include <float.h>
#include <math.h>

static void widen(struct plot_range *range, double value) {
    if (!isfinite(value)) return;
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
}

struct plot_place plot_place_of(const struct allometer_fits *fits, const struct allometer_fit_group *group) {
    struct plot_place place = {{INFINITY, -INFINITY}, {INFINITY, -INFINITY}};
    const double *x = plot_x(fits);
    for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i) {
        widen(&place.x, x[i]);
        widen(&place.y, fits->y[i]);
        widen(&place.y, fits->yhat[i]);
    }
    const size_t n_at = (size_t)fits->options.n_at;
    const size_t first = (size_t)(group - fits->groups) * n_at;
    const double *at_x = fits->law->n_columns == 1 ? fits->at_x[0] : fits->at_y;
    for (size_t i = first; i < first + n_at; ++i) {
        if (isfinite(fits->at_y[i])) widen(&place.x, at_x[i]);
        widen(&place.y, fits->at_y[i]);
    }
    return place;
}

struct plot_axes plot_axes_of(const struct allometer_fits *fits, size_t n_panels) {
    struct plot_axes axes = {0};
    struct plot_range x = {INFINITY, -INFINITY}, y = x;
    for (size_t g = 0; g < n_panels; ++g) {
        struct plot_place place = plot_place_of(fits, &fits->groups[g]);
        axes.log_x |= place.x.high > 4 * place.x.low;
        axes.log_y |= place.y.high > 4 * place.y.low;
        x.low = fmin(x.low, place.x.low), y.low = fmin(y.low, place.y.low);
    }
    axes.log_x &= x.low > 0, axes.log_y &= y.low > 0;
    return axes;
}

static void write_tic(FILE *file, double at, int *n) {
    fprintf(file, "%s%.4g", (*n)++ ? ", " : "", at);
}

/* Labels for logarithmic axes that hold few powers of ten: at 1, 2 and 5 times these, or, where those are few too, at
   even steps. */
static void write_tics(FILE *file, char axis, double low, double high) {
    static const double steps[] = {1, 2, 5};
    int n = 0;
    double size = pow(10, floor(log10((high - low) / 4)));
    double ratio = (high - low) / 4 / size, step = size * (ratio < 2 ? 1 : ratio < 5 ? 2 : 5);
    fprintf(file, "set %ctics (", axis);
    for (double at = ceil(low / step); high < 5 * low && at * step <= high; ++at)
        write_tic(file, at * step, &n);
    for (double power = pow(10, floor(log10(low))); high >= 5 * low && power <= high; power *= 10) {
        for (int i = 0; i < 3; ++i) {
            double at = steps[i] * power;
            if (at >= low && at <= high) write_tic(file, at, &n);
        }
    }
    fputs(")\n", file);
}

void plot_write_axis(FILE *file, char axis, struct plot_range range, int logs, double margin) {
    double width = logs ? log(range.high / range.low) : range.high - range.low;
    double low = logs ? range.low * exp(-margin * width) : range.low - margin * width;
    double high = logs ? range.high * exp(margin * width) : range.high + margin * width;
    fprintf(file, "unset logscale %c\nset %ctics autofreq\n", axis, axis);
    /* k, M, G and T are read at sight; P, E, ... are not. Of the axis, not its points: 5000 is not to stand beside 1e+04. */
    int prefixes = range.low >= 1 && high >= 1e4 && high < 1e16;
    fprintf(file, "set format %c '%s'\n", axis, prefixes ? "%.0s%c" : "%.4g");
    if (!(range.low < range.high)) { /* one value, or none */
        double room = isfinite(range.low) && range.low != 0 ? fabs(range.low) / 2 : 1;
        low = isfinite(range.low) ? range.low - room : 1, high = low + 2 * room;
    }
    low = fmin(fmax(low, logs ? DBL_MIN : -DBL_MAX), DBL_MAX), high = fmin(high, DBL_MAX);
    if (logs) fprintf(file, "set logscale %c\n", axis);
    if (logs && width < log(150)) write_tics(file, axis, low, high);
    fprintf(file, "set %crange [%.17g:%.17g]\n", axis, low, high);
}
