/* What the composite fit's files share: the sample, and straight lines by their sums. */
#ifndef ALLOMETER_COMPOSITE_SAMPLE_H
#define ALLOMETER_COMPOSITE_SAMPLE_H

#include "composite.h"

#include <math.h>

/* Logarithms of what was measured, model by model: (M, K). */
struct sample {
    int32_t K, M;
    double *neurons, *loss, *total, *cluster; /* total, cluster: (M) */
};

/* Reads a table with one row for each model and subtask; sets the composite's subtasks and counts. Freed by sample_free. */
enum allometer_code sample_read(const struct allometer_table *table, const struct composite_options *options,
                                struct sample *sample, struct composite *composite,
                                struct allometer_error *error);
void sample_free(struct sample *sample);

struct line;
/* The hypotheses of the composite by their likelihoods; lines: of the K losses against neurons. 0: out of memory. */
int composite_test(const struct sample *sample, const struct line *lines, int in_clusters,
                   struct composite *composite);
/* Into scratch, n * n + 2 n, the covariance of the residuals of n log ratios, of subtask kept[i] + 1 to subtask 0, with or
   without slopes: its lower triangle. */
double *share_covariance(const struct sample *sample, const int32_t *kept, int32_t n, int with_slopes,
                         double *scratch);

/* Design effects, each summed over as many directions as a hypothesis has degrees of freedom: the variance that clusters show
   of the slopes over that of independent models (Rao and Scott 1981, The analysis of categorical data from complex sample
   surveys). */
struct composite_design {
    double exponents, differences,
        shares; /* of K exponents; of the K - 1 differences between them; of P shares */
    int32_t n_clusters;
};
/* kept: the P ratios that vary. 0: out of memory. */
int composite_design(const struct sample *sample, const int32_t *kept, int32_t P,
                     struct composite_design *design);

/* Sums of a straight line's fit, y against x. */
struct line {
    double n, x, y, xx, xy, yy;
};

static inline struct line line_add(struct line line, double x, double y) {
    return (struct line){line.n + 1,      line.x + x,      line.y + y,
                         line.xx + x * x, line.xy + x * y, line.yy + y * y};
}

static inline struct line line_sum(struct line a, struct line b) {
    return (struct line){a.n + b.n, a.x + b.x, a.y + b.y, a.xx + b.xx, a.xy + b.xy, a.yy + b.yy};
}

static inline double line_sxx(const struct line *line) {
    return line->xx - line->x * line->x / line->n;
}

static inline double line_slope(const struct line *line) {
    return (line->xy - line->x * line->y / line->n) / line_sxx(line);
}

/* Sum of squared residuals with that slope, and the best constant; at least what rounding leaves of the sums, so that
   slopes that fit equally well but for it have the same. */
static inline double line_residual(const struct line *line, double slope) {
    const double sxy = line->xy - line->x * line->y / line->n, syy = line->yy - line->y * line->y / line->n;
    const double rounding = 1e-14 * (line->yy + slope * slope * line->xx);
    return fmax(syy - 2 * slope * sxy + slope * slope * line_sxx(line), rounding);
}

#endif
