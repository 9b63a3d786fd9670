/* Design effects: how much more slopes vary than they would if models had nothing in common. */
#include "cholesky.h"
#include "composite_sample.h"

#include <stdlib.h>

/* A model, and what it belongs to. */
struct place {
    double cluster;
    int32_t model;
};

static int by_cluster(const void *a, const void *b) {
    const struct place *one = a, *two = b;
    if (one->cluster != two->cluster) return one->cluster < two->cluster ? -1 : 1;
    return (one->model > two->model) - (one->model < two->model);
}

/* What a slope is of: K exponents, then P shares. */
struct direction {
    double mean_x, mean_y, slope, sxx;
    double weight;    /* of an exponent: 1 over the variance that it would have */
    double influence; /* of the cluster at hand: how much its errors move the slope */
};

static double x_of(const struct sample *sample, int32_t j, int32_t m) {
    return j < sample->K ? sample->neurons[m * sample->K + j] : sample->total[m];
}

static double y_of(const struct sample *sample, const int32_t *kept, int32_t j, int32_t m) {
    const double *neurons = sample->neurons + m * sample->K;
    return j < sample->K ? sample->loss[m * sample->K + j] : neurons[kept[j - sample->K] + 1] - neurons[0];
}

static void fit_directions(const struct sample *sample, const int32_t *kept, int32_t n,
                           struct direction *directions) {
    for (int32_t j = 0; j < n; j++) {
        struct line line = {0};
        for (int32_t m = 0; m < sample->M; m++)
            line = line_add(line, x_of(sample, j, m), y_of(sample, kept, j, m));
        const double slope = line_slope(&line), squares = line_residual(&line, slope);
        directions[j] = (struct direction){.mean_x = line.x / line.n,
                                           .mean_y = line.y / line.n,
                                           .slope = slope,
                                           .sxx = line_sxx(&line),
                                           .weight = line_sxx(&line) * (line.n - 2) / squares};
    }
}

/* Adds a cluster's influences: their squares over the variances that the slopes would have. */
static void add_cluster(const struct direction *directions, int32_t K, int32_t P, const double *S,
                        double *scratch, struct composite_design *design) {
    double weights = 0, sum = 0;
    for (int32_t k = 0; k < K; k++) {
        const double moved = directions[k].weight * directions[k].influence;
        design->exponents += moved * directions[k].influence;
        design->differences += moved * directions[k].influence;
        weights += directions[k].weight, sum += moved;
    }
    design->differences -= sum * sum / weights; /* but for what moves all exponents alike */
    for (int32_t i = 0; i < P; i++) scratch[i] = directions[K + i].influence;
    cholesky_solve(S, (size_t)P, scratch);
    for (int32_t i = 0; i < P; i++)
        design->shares += directions[K].sxx * scratch[i] * directions[K + i].influence;
}

int composite_design(const struct sample *sample, const int32_t *kept, int32_t P,
                     struct composite_design *design) {
    const int32_t K = sample->K, M = sample->M, n = K + P;
    struct place *places = malloc((size_t)M * sizeof *places);
    struct direction *directions = malloc((size_t)n * sizeof *directions);
    double *scratch = malloc((size_t)(K * K + 3 * K) * sizeof *scratch), *S = NULL;
    const int ready = places && directions && scratch;
    *design = (struct composite_design){0};
    if (ready) {
        fit_directions(sample, kept, n, directions);
        S = share_covariance(sample, kept, P, 1, scratch + K);
        for (int32_t i = 0; i < P * P; i++) S[i] *= M / (M - 2.0);
        cholesky_factor(S, (size_t)P);
        for (int32_t m = 0; m < M; m++) places[m] = (struct place){sample->cluster[m], m};
        qsort(places, (size_t)M, sizeof *places, by_cluster);
    }
    for (int32_t at = 0; at < M && ready; at++) {
        const int32_t m = places[at].model;
        for (int32_t j = 0; j < n; j++) {
            struct direction *to = &directions[j];
            const double off = x_of(sample, j, m) - to->mean_x;
            to->influence += off * (y_of(sample, kept, j, m) - to->mean_y - to->slope * off) / to->sxx;
        }
        if (at + 1 < M && places[at + 1].cluster == places[at].cluster) continue;
        add_cluster(directions, K, P, S, scratch, design);
        for (int32_t j = 0; j < n; j++) directions[j].influence = 0;
        design->n_clusters++;
    }
    const double G = design->n_clusters, whole = G / (G - 1); /* G clusters show (G - 1)/G of the variance */
    design->exponents *= whole, design->differences *= whole, design->shares *= whole;
    free(places), free(directions), free(scratch);
    return ready;
}
