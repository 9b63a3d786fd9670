#ifndef ALLOMETER_FIT_PLOT_H
#define ALLOMETER_FIT_PLOT_H

/* What the parts of a picture's script share. */
#include "fit_internal.h"

struct plot_range {
    double low, high;
};

/* Where a group lies in the picture: all points, and the law where there are points and where the options want it
   predicted, but not wherever its interval may go. */
struct plot_place {
    struct plot_range x, y;
};

/* Axes of all panels. Logarithmic where that shows more, and all values can be shown: where one panel spans a factor of
   4, and no panel has a value that is not above 0. */
struct plot_axes {
    int log_x, log_y;
};

/* fit_plot_axes.c */
struct plot_place plot_place_of(const struct allometer_fits *fits, const struct allometer_fit_group *group);
struct plot_axes plot_axes_of(const struct allometer_fits *fits, size_t n_panels);
void plot_write_axis(FILE *file, char axis, struct plot_range range, int logs, double margin);
/* fit_plot_data.c */
/* x of the fits' rows; for laws of several variables the law takes its place. */
const double *plot_x(const struct allometer_fits *fits);
/* Whether the group has more points than can be told apart: these are drawn small, under the law. */
int plot_is_dense(const struct allometer_fit_group *group);
/* Of one group: $curveG (x, law), $bandG (the outline of its interval), $fittedG and $otherG (x, y). */
void plot_write_data(FILE *file, const struct allometer_fits *fits, size_t g, struct plot_axes axes);

#endif
