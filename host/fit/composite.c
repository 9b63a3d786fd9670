#include "composite_sample.h"
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <Random123/philox.h>

static struct composite_slope *slope_at(struct composite *composite, int32_t K, int32_t i) {
    struct composite_subtask *subtask = &composite->subtasks[i % K];
    return i < K ? &subtask->exponent : &subtask->growth;
}

/* Of line i: an exponent p is minus the slope. */
static double slope_value(const struct line *line, int32_t K, int32_t i) {
    return i < K ? -line_slope(line) : line_slope(line);
}

static void standard_intervals(const struct line *lines, int32_t K, double confidence,
                               struct composite *composite) {
    for (int32_t i = 0; i < 2 * K; i++) {
        const double degrees = lines[i].n - 2, squares = line_residual(&lines[i], line_slope(&lines[i]));
        const double width =
            student_quantile(0.5 + 0.5 * confidence, degrees) * sqrt(squares / degrees / line_sxx(&lines[i]));
        struct composite_slope *slope = slope_at(composite, K, i);
        slope->lower = slope->value - width, slope->upper = slope->value + width;
    }
}

/* One of n, for draw number `draw` of resample b. */
static int32_t random_below(int32_t n, uint64_t seed, int32_t b, int32_t draw) {
    const philox4x32_ctr_t counter = {{(uint32_t)draw, (uint32_t)b, 0, 0}};
    const philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    return (int32_t)((uint64_t)philox4x32(counter, key).v[0] * (uint64_t)n >> 32);
}

static int bootstrap_intervals(const struct sample *sample, const struct composite_options *options,
                               struct composite *composite) {
    const int32_t K = sample->K, B = options->bootstrap;
    double *clusters = malloc((size_t)sample->M * sizeof *clusters),
           *slopes = malloc((size_t)(2 * K) * (size_t)B * sizeof *slopes); /* (2, K, B) */
    struct line *lines = calloc((size_t)sample->M * (size_t)(2 * K), sizeof *lines),
                *total = malloc((size_t)(2 * K) * sizeof *total);
    const int ready = clusters && slopes && lines && total;
    const int32_t n_clusters = ready ? composite_cluster_lines(sample, clusters, lines) : 0;
    for (int32_t b = 0; b < B && ready; b++) {
        memset(total, 0, (size_t)(2 * K) * sizeof *total);
        for (int32_t draw = 0; draw < n_clusters; draw++) {
            const struct line *drawn =
                lines + (int64_t)random_below(n_clusters, options->seed, b, draw) * 2 * K;
            for (int32_t i = 0; i < 2 * K; i++) total[i] = line_sum(total[i], drawn[i]);
        }
        for (int32_t i = 0; i < 2 * K; i++)
            slopes[(size_t)i * (size_t)B + (size_t)b] = slope_value(&total[i], K, i);
    }
    for (int32_t i = 0; i < 2 * K && ready; i++) {
        struct composite_slope *slope = slope_at(composite, K, i);
        double *sorted = slopes + (size_t)i * (size_t)B;
        size_t n = 0; /* in a resample all neurons may be the same: no slope */
        for (int32_t b = 0; b < B; b++)
            if (isfinite(sorted[b])) sorted[n++] = sorted[b];
        sort_doubles(sorted, n);
        slope->lower = sorted_quantile(sorted, n, 0.5 - 0.5 * options->confidence);
        slope->upper = sorted_quantile(sorted, n, 0.5 + 0.5 * options->confidence);
        /* of M models, resamples show about (M - 2)/M of the variance */
        const double widening = options->cluster ? cluster_widening((size_t)n_clusters, options->confidence)
                                                 : sqrt(sample->M / (sample->M - 2.0));
        slope->lower = widened_bound(slope->lower, -1, slope->value, widening, -INFINITY);
        slope->upper = widened_bound(slope->upper, 1, slope->value, widening, INFINITY);
    }
    free(clusters), free(slopes), free(lines), free(total);
    return ready;
}

/* All that is told of a sample. 0: out of memory. */
static int describe(const struct sample *sample, const struct composite_options *options,
                    struct composite *composite) {
    const int32_t K = sample->K;
    struct line *lines = calloc((size_t)(2 * K), sizeof *lines);
    if (!lines) return 0;
    for (int32_t m = 0; m < sample->M; m++) sample_add(sample, m, lines);
    for (int32_t i = 0; i < 2 * K; i++) slope_at(composite, K, i)->value = slope_value(&lines[i], K, i);
    for (int32_t k = 0; k < K; k++) {
        struct composite_subtask *subtask = &composite->subtasks[k];
        subtask->factor = exp((lines[k].y + subtask->exponent.value * lines[k].x) / lines[k].n);
        subtask->share = exp(lines[K + k].y / lines[K + k].n);
    }
    int ready = 1;
    if (options->bootstrap > 0)
        ready = bootstrap_intervals(sample, options, composite);
    else
        standard_intervals(lines, K, options->confidence, composite);
    if (ready) ready = composite_test(sample, lines, options->cluster && options->bootstrap > 0, composite);
    free(lines);
    return ready;
}

enum allometer_code composite_fit(const struct allometer_table *table,
                                  const struct composite_options *options, struct composite *composite,
                                  struct allometer_error *error) {
    struct sample sample = {0};
    *composite = (struct composite){0};
    enum allometer_code code = sample_read(table, options, &sample, composite, error);
    if (!code && !describe(&sample, options, composite))
        code = allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", table->source);
    sample_free(&sample);
    if (code) composite_free(composite);
    return code;
}

void composite_free(struct composite *composite) {
    free(composite->subtasks);
    *composite = (struct composite){0};
}
