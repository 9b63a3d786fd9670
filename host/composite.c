#include "composite.h"
#include "fit_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <Random123/philox.h>

/* Logarithms of what was measured, model by model: (M, K). */
struct sample {
    int32_t K, M;
    double *neurons, *loss, *total, *cluster; /* total, cluster: (M) */
};

/* Sums of a straight line's fit, y against x. */
struct line {
    double n, x, y, xx, xy, yy;
};

static struct line line_add(struct line line, double x, double y) {
    return (struct line){line.n + 1,      line.x + x,      line.y + y,
                         line.xx + x * x, line.xy + x * y, line.yy + y * y};
}

static struct line line_sum(struct line a, struct line b) {
    return (struct line){a.n + b.n, a.x + b.x, a.y + b.y, a.xx + b.xx, a.xy + b.xy, a.yy + b.yy};
}

static double line_sxx(const struct line *line) {
    return line->xx - line->x * line->x / line->n;
}

static double line_slope(const struct line *line) {
    return (line->xy - line->x * line->y / line->n) / line_sxx(line);
}

/* Sum of squared residuals with that slope, and the best constant. */
static double line_residual(const struct line *line, double slope) {
    const double sxy = line->xy - line->x * line->y / line->n, syy = line->yy - line->y * line->y / line->n;
    return syy - 2 * slope * sxy + slope * slope * line_sxx(line);
}

/* ---- from the table to logarithms --------------------------------------------------------------------------------- */

struct row {
    double model, subtask, neurons, loss, cluster;
    int is_good;
};

static int row_order(const void *a, const void *b) {
    const struct row *one = a, *two = b;
    if (one->model != two->model) return one->model < two->model ? -1 : 1;
    return (one->subtask > two->subtask) - (one->subtask < two->subtask);
}

static enum allometer_code read_rows(const struct allometer_table *table,
                                     const struct composite_options *options, struct row *rows,
                                     struct allometer_error *error) {
    const char *const names[] = {"model", "subtask", options->neurons, options->loss,
                                 options->cluster ? options->cluster : "model"};
    size_t columns[5];
    for (int i = 0; i < 5; i++) {
        enum allometer_code code = allometer_table_find_number(table, names[i], &columns[i], error);
        if (code) return code;
    }
    for (size_t r = 0; r < table->n_rows; r++) {
        double value[5];
        for (int i = 0; i < 5; i++) value[i] = table->columns[columns[i]].numbers[r];
        rows[r] =
            (struct row){value[0], value[1], value[2], value[3], value[4], value[2] > 0 && value[3] > 0};
    }
    for (size_t f = 0; f < options->n_filters; f++) {
        enum allometer_code code =
            fit_filter_rows(table, &options->filters[f], &rows->is_good, sizeof *rows, error);
        if (code) return code;
    }
    qsort(rows, table->n_rows, sizeof *rows, row_order);
    return ALLOMETER_OK;
}

/* K is what the first model has; a model with a bad row, or other subtasks, is left out. */
static enum allometer_code take_models(const struct allometer_table *table, const struct row *rows,
                                       struct sample *sample, struct composite *composite,
                                       struct allometer_error *error) {
    const size_t n = table->n_rows;
    while ((size_t)sample->K < n && rows[sample->K].model == rows[0].model) sample->K++;
    const int32_t K = sample->K;
    sample->neurons = malloc((n + 1) * sizeof(double)), sample->loss = malloc((n + 1) * sizeof(double));
    sample->total = malloc((n + 1) * sizeof(double)), sample->cluster = malloc((n + 1) * sizeof(double));
    composite->subtasks = calloc((size_t)K + 1, sizeof *composite->subtasks);
    if (!sample->neurons || !sample->loss || !sample->total || !sample->cluster || !composite->subtasks)
        return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", table->source);
    for (int32_t k = 0; k < K; k++) composite->subtasks[k].number = rows[k].subtask;
    for (size_t first = 0, next; first < n; first = next) {
        int is_good = 1;
        double total = 0;
        for (next = first; next < n && rows[next].model == rows[first].model; next++) {
            is_good &= rows[next].is_good && next - first < (size_t)K
                       && rows[next].subtask == composite->subtasks[next - first].number;
            total += rows[next].neurons;
        }
        if (!is_good || next - first != (size_t)K) {
            composite->n_left_out++;
            continue;
        }
        for (int32_t k = 0; k < K; k++) {
            sample->neurons[sample->M * K + k] = log(rows[first + (size_t)k].neurons);
            sample->loss[sample->M * K + k] = log(rows[first + (size_t)k].loss);
        }
        sample->total[sample->M] = log(total);
        sample->cluster[sample->M++] = rows[first].cluster;
    }
    composite->n_subtasks = K, composite->n_models = sample->M;
    if (K < 2)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "%s: one subtask, expected two at least for a composite law", table->source);
    if (sample->M < K + 4)
        return allometer_fail(
            error, ALLOMETER_BAD_INPUT,
            "%s: %d of %d models have a loss and neurons above 0 in every subtask, expected at least %d",
            table->source, sample->M, sample->M + composite->n_left_out, K + 4);
    return ALLOMETER_OK;
}

/* ---- likelihoods ---------------------------------------------------------------------------------------------------- */

static struct line loss_line(const struct sample *sample, int32_t k) {
    struct line line = {0};
    for (int32_t m = 0; m < sample->M; m++)
        line = line_add(line, sample->neurons[m * sample->K + k], sample->loss[m * sample->K + k]);
    return line;
}

/* Log likelihood of M normal residuals with that sum of squares, at their best variance. */
static double normal_likelihood(double M, double squares) {
    return -0.5 * M * (log(2 * M_PI * squares / M) + 1);
}

/* log |S|, S the (K - 1) x (K - 1) covariance of the log ratios' residuals, with or without slopes; NaN where singular. */
static double shares_determinant(const struct sample *sample, int with_slopes, double *scratch) {
    const int32_t P = sample->K - 1, M = sample->M, K = sample->K;
    double *slope = scratch, *mean = slope + P, *S = mean + P, mean_x = 0, sxx = 0, log_determinant = 0;
    memset(scratch, 0, (size_t)(P * P + 2 * P) * sizeof *scratch);
    for (int32_t m = 0; m < M; m++) mean_x += sample->total[m] / M;
#define RATIO(m, i) (sample->neurons[(m)*K + (i) + 1] - sample->neurons[(m)*K])
    for (int32_t m = 0; m < M; m++) {
        sxx += (sample->total[m] - mean_x) * (sample->total[m] - mean_x);
        for (int32_t i = 0; i < P; i++) mean[i] += RATIO(m, i) / M;
    }
    for (int32_t m = 0; m < M && with_slopes; m++)
        for (int32_t i = 0; i < P; i++) slope[i] += (sample->total[m] - mean_x) * RATIO(m, i) / sxx;
    for (int32_t m = 0; m < M; m++) {
        const double x = sample->total[m] - mean_x;
        for (int32_t i = 0; i < P; i++) {
            const double residual = RATIO(m, i) - mean[i] - slope[i] * x;
            for (int32_t j = 0; j <= i; j++)
                S[i * P + j] += residual * (RATIO(m, j) - mean[j] - slope[j] * x) / M;
        }
    }
#undef RATIO
    for (int32_t i = 0; i < P; i++) { /* Cholesky, in place */
        for (int32_t j = 0; j <= i; j++) {
            double sum = S[i * P + j];
            for (int32_t l = 0; l < j; l++) sum -= S[i * P + l] * S[j * P + l];
            S[i * P + j] = i == j ? sqrt(sum) : sum / S[j * P + j];
        }
        log_determinant += 2 * log(S[i * P + i]);
    }
    return isfinite(log_determinant) ? log_determinant : NAN;
}

/* The probability that chi squared with n degrees of freedom is above x: of n - 2 degrees, and a term more (Abramowitz and
   Stegun 1964, 26.4.4 and 26.4.5). */
static double chi_squared_above(double x, int32_t n) {
    const double half = 0.5 * x;
    double at = n % 2 ? 0.5 : 1, probability = n % 2 ? erfc(sqrt(half)) : exp(-half);
    for (; at < 0.5 * n; at += 1) probability += exp(at * log(half) - half - lgamma(at + 1));
    return fmin(probability, 1);
}

static void test_hypotheses(const struct sample *sample, struct composite *composite, double *scratch) {
    const int32_t K = sample->K, P = K - 1;
    const double M = sample->M;
    double loss[3] = {0, 0, 0}, change[3] = {0, 0, 0}, exponent = 1; /* with free, one, and unit exponents */
    for (int32_t i = 0; i < 200; i++) { /* the best common exponent, by weights that depend on it */
        double weights = 0, sum = 0;
        for (int32_t k = 0; k < K; k++) {
            const struct line line = loss_line(sample, k);
            const double weight = line_sxx(&line) / line_residual(&line, -exponent);
            weights += weight, sum -= weight * line_slope(&line);
        }
        exponent = sum / weights;
    }
    composite->common_exponent = exponent;
    for (int32_t k = 0; k < K; k++) {
        const struct line line = loss_line(sample, k);
        const double squares[] = {line_residual(&line, line_slope(&line)), line_residual(&line, -exponent),
                                  line_residual(&line, -1)};
        for (int i = 0; i < 3; i++) {
            loss[i] += normal_likelihood(M, squares[i]);
            change[i] += (M - 2.5) * log(squares[i] / squares[0]);
        }
    }
    const double with = shares_determinant(sample, 1, scratch),
                 without = shares_determinant(sample, 0, scratch);
    const double shares[] = {-0.5 * M * (P * log(2 * M_PI) + with + P),
                             -0.5 * M * (P * log(2 * M_PI) + without + P)};
    const double share_change = (M - 2 - 0.5 * P) * (without - with);
    const int32_t all = 3 * K + 2 * P + P * (P + 1) / 2;
    const struct {
        const char *name, *meaning;
        int exponents, stay, fewer; /* stay: shares do; fewer parameters than the free law has */
    } rows[N_HYPOTHESES] = {
        [COMPOSITE_FREE] = {"free", "an exponent and a slope of the share for each subtask", 0, 0, 0},
        [COMPOSITE_ONE_EXPONENT] = {"one exponent", "the same for every subtask", 1, 0, K - 1},
        [COMPOSITE_ONE] = {"N^-1", "every exponent is 1", 2, 0, K},
        [COMPOSITE_SHARES] = {"shares stay", "every slope is 0", 0, 1, P},
        [COMPOSITE_RESOURCE] = {"resource law", "N^-1, and shares stay", 2, 1, K + P},
    };
    for (int i = 0; i < N_HYPOTHESES; i++) {
        struct composite_hypothesis *row = &composite->hypotheses[i];
        *row = (struct composite_hypothesis){.name = rows[i].name, .meaning = rows[i].meaning};
        row->n_parameters = all - rows[i].fewer;
        row->log_likelihood = loss[rows[i].exponents] + shares[rows[i].stay];
        row->aic = 2 * row->n_parameters - 2 * row->log_likelihood;
        row->bic = row->n_parameters * log(M) - 2 * row->log_likelihood;
        row->degrees = rows[i].fewer;
        row->ratio =
            i == COMPOSITE_FREE ? NAN : change[rows[i].exponents] + (rows[i].stay ? share_change : 0);
        row->probability = i == COMPOSITE_FREE ? NAN : chi_squared_above(row->ratio, row->degrees);
    }
}

/* ---- subtasks, and intervals --------------------------------------------------------------------------------------- */

/* Adds model m to the lines of all subtasks: of the loss against neurons, and of the share against the total (2, K). */
static void add_model(const struct sample *sample, int32_t m, struct line *lines) {
    const int32_t K = sample->K;
    for (int32_t k = 0; k < K; k++) {
        const double neurons = sample->neurons[m * K + k], total = sample->total[m];
        lines[k] = line_add(lines[k], neurons, sample->loss[m * K + k]);
        lines[K + k] = line_add(lines[K + k], total, neurons - total);
    }
}

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

/* The lines of each cluster of models (clusters, 2, K); clusters: room for M numbers, which become the distinct ones. */
static int32_t cluster_lines(const struct sample *sample, double *clusters, struct line *lines) {
    const int32_t M = sample->M, K = sample->K;
    int32_t n = 0;
    memcpy(clusters, sample->cluster, (size_t)M * sizeof *clusters);
    sort_doubles(clusters, (size_t)M);
    for (int32_t m = 0; m < M; m++)
        if (m == 0 || clusters[m] != clusters[n - 1]) clusters[n++] = clusters[m];
    for (int32_t m = 0; m < M; m++) {
        int32_t low = 0, high = n - 1;
        while (low < high) {
            const int32_t middle = (low + high) / 2;
            if (clusters[middle] < sample->cluster[m])
                low = middle + 1;
            else
                high = middle;
        }
        add_model(sample, m, lines + (int64_t)low * 2 * K);
    }
    return n;
}

static int bootstrap_intervals(const struct sample *sample, const struct composite_options *options,
                               struct composite *composite) {
    const int32_t K = sample->K, B = options->bootstrap;
    double *clusters = malloc((size_t)sample->M * sizeof *clusters),
           *slopes = malloc((size_t)(2 * K) * (size_t)B * sizeof *slopes); /* (2, K, B) */
    struct line *lines = calloc((size_t)sample->M * (size_t)(2 * K), sizeof *lines),
                *total = malloc((size_t)(2 * K) * sizeof *total);
    const int ready = clusters && slopes && lines && total;
    const int32_t n_clusters = ready ? cluster_lines(sample, clusters, lines) : 0;
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
        sort_doubles(sorted, (size_t)B);
        slope->lower = sorted_quantile(sorted, (size_t)B, 0.5 - 0.5 * options->confidence);
        slope->upper = sorted_quantile(sorted, (size_t)B, 0.5 + 0.5 * options->confidence);
    }
    free(clusters), free(slopes), free(lines), free(total);
    return ready;
}

static int describe_subtasks(const struct sample *sample, const struct composite_options *options,
                             struct composite *composite) {
    const int32_t K = sample->K;
    struct line *lines = calloc((size_t)(2 * K), sizeof *lines);
    if (!lines) return 0;
    for (int32_t m = 0; m < sample->M; m++) add_model(sample, m, lines);
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
    free(lines);
    return ready;
}

enum allometer_code composite_fit(const struct allometer_table *table,
                                  const struct composite_options *options, struct composite *composite,
                                  struct allometer_error *error) {
    struct sample sample = {0};
    struct row *rows = calloc(table->n_rows + 1, sizeof *rows);
    double *scratch = NULL;
    *composite = (struct composite){0};
    enum allometer_code code =
        rows ? read_rows(table, options, rows, error)
             : allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", table->source);
    if (!code && table->n_rows == 0)
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: no models", table->source);
    if (!code) code = take_models(table, rows, &sample, composite, error);
    if (!code) {
        scratch = malloc((size_t)(sample.K * sample.K + 2 * sample.K) * sizeof *scratch);
        if (!scratch || !describe_subtasks(&sample, options, composite))
            code = allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", table->source);
        else
            test_hypotheses(&sample, composite, scratch);
    }
    free(rows), free(scratch);
    free(sample.neurons), free(sample.loss), free(sample.total), free(sample.cluster);
    if (code) composite_free(composite);
    return code;
}

void composite_free(struct composite *composite) {
    free(composite->subtasks);
    *composite = (struct composite){0};
}
