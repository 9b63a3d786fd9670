/* What a picture shows of each group: its points, the law and where a new point would lie. */
#include "fit_plot.h"
#include "text.h"

#include <math.h>
#include <stdint.h>

/* Cells of a panel; of a dense group at most one point is drawn in each, where it lies: no eye tells the others from it,
   and the picture of a million points is as small as that of some thousand. */
enum { MOST_SPARSE = 1000, CELLS_X = 240, CELLS_Y = 180 };

const double *plot_x(const struct allometer_fits *fits) {
    return fits->law->n_columns == 1 ? fits->x[0] : fits->yhat;
}

int plot_is_dense(const struct allometer_fit_group *group) {
    return group->n_rows > MOST_SPARSE;
}

static void write_row(FILE *file, const double *values, size_t n) {
    char text[TEXT_NUMBER_SIZE];
    for (size_t i = 0; i < n; ++i) {
        text_from_double(text, values[i]);
        fprintf(file, "%s%s", i ? " " : "", isfinite(values[i]) ? text : "NaN");
    }
    putc('\n', file);
}

/* The edge of the interval at point i of the curves: near 0, not below it, where all y are above, since an axis may be
   logarithmic. */
static void write_edge(FILE *file, const struct allometer_fits *fits, size_t i, const double *edge,
                       double least) {
    const double row[] = {fits->curve_x[i], least > 0 ? fmax(edge[i], 1e-3 * least) : edge[i]};
    if (isfinite(fits->curve_lower[i]) && isfinite(fits->curve_upper[i])) write_row(file, row, 2);
}

/* Which of n cells of the axis a value lies in. */
static size_t cell_of(double value, struct plot_range range, int logs, size_t n) {
    double share = logs ? log(value / range.low) / log(range.high / range.low)
                        : (value - range.low) / (range.high - range.low);
    return (size_t)fmin(fmax(share, 0) * (double)n, (double)(n - 1)); /* no span: NaN, the first */
}

static void write_points(FILE *file, const struct allometer_fits *fits,
                         const struct allometer_fit_group *group, int train, struct plot_axes axes) {
    uint8_t taken[CELLS_X][CELLS_Y] = {0};
    const double *x = plot_x(fits), *y = fits->y;
    struct plot_place place = plot_place_of(fits, group);
    for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i) {
        const double row[] = {x[i], y[i]};
        if (fits->train[i] != train) continue;
        if (plot_is_dense(group)) {
            if (!isfinite(x[i]) || !isfinite(y[i])) continue;
            uint8_t *cell = &taken[cell_of(x[i], place.x, axes.log_x, CELLS_X)]
                                  [cell_of(y[i], place.y, axes.log_y, CELLS_Y)];
            if (*cell) continue;
            *cell = 1;
        }
        write_row(file, row, 2);
    }
}

/* A block without a row would be an error. Of several panels, each is small, and every fourth point of the curves enough. */
void plot_write_data(FILE *file, const struct allometer_fits *fits, size_t g, struct plot_axes axes) {
    const struct allometer_fit_group *group = &fits->groups[g];
    size_t n = fits->law->n_columns == 1 ? (size_t)fits->options.n_curve : 0,
           step = fits->n_groups > 1 ? 4 : 1;
    const double nothing[] = {NAN, NAN};
    double least = INFINITY;
    for (size_t i = group->first_row; i < group->first_row + group->n_rows; ++i)
        least = fmin(least, fits->y[i]);
    fprintf(file, "$curve%zu << END\n", g);
    write_row(file, nothing, 2);
    for (size_t i = g * n; i < (g + 1) * n; i += step) {
        const double row[] = {fits->curve_x[i], fits->curve_y[i]};
        write_row(file, row, 2);
    }
    fprintf(file, "END\n$band%zu << END\n", g);
    write_row(file, nothing, 2);
    for (size_t i = g * n; i < (g + 1) * n; i += step) write_edge(file, fits, i, fits->curve_lower, least);
    for (size_t i = 0; i < n; i += step)
        write_edge(file, fits, (g + 1) * n - 1 - i, fits->curve_upper, least);
    fputs("END\n", file);
    for (int train = 1; train >= 0; --train) {
        fprintf(file, "$%s%zu << END\n", train ? "fitted" : "other", g);
        write_row(file, nothing, 2);
        write_points(file, fits, group, train, axes);
        fputs("END\n", file);
    }
}
