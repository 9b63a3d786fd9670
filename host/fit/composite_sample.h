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

static inline struct line line_difference(struct line a, struct line b) {
    return (struct line){a.n - b.n, a.x - b.x, a.y - b.y, a.xx - b.xx, a.xy - b.xy, a.yy - b.yy};
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

/* Adds model m to the sample's straight lines, (2, K): of each subtask's loss against its neurons, then of its share against the
   neurons in all. */
static inline void sample_add(const struct sample *sample, int32_t m, struct line *lines) {
    const int32_t K = sample->K;
    for (int32_t k = 0; k < K; k++) {
        const double neurons = sample->neurons[m * K + k], total = sample->total[m];
        lines[k] = line_add(lines[k], neurons, sample->loss[m * K + k]);
        lines[K + k] = line_add(lines[K + k], total, neurons - total);
    }
}

/* The hypotheses of the composite by their likelihoods; lines: (2, K). 0: out of memory. */
int composite_test(const struct sample *sample, const struct line *lines, int in_clusters,
                   struct composite *composite);
/* Of three hypotheses, the probability of data as far from them as these. */
struct composite_probabilities {
    double one_exponent, one, stay;
};
/* The lines of each cluster of models, (clusters, 2, K), of M * 2 K that are 0; clusters: room for M numbers, which become
   the distinct ones. Returns how many these are. */
int32_t composite_cluster_lines(const struct sample *sample, double *clusters, struct line *lines);

/* Of models of which those of one cluster are not independent; NaN of one cluster. lines: (2, K). 0: out of memory. */
int composite_test_clusters(const struct sample *sample, const struct line *lines,
                            struct composite_probabilities *probabilities);

#endif
