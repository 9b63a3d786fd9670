/* The points of the problem that each lane is at, side by side in memory, and their bootstrap resamples. */
#ifndef ALLOMETER_FIT_POINTS_H
#define ALLOMETER_FIT_POINTS_H

#include "fitting.h"
#include "lane_double.h"

/* Each lane's own copy of its points: element `field` of row i at rows[(i * (C + 2) + field) * stride], fields being
   the C columns, the target and the weight. A lane with fewer rows than `capacity` is filled up by its first one with
   weight 0, which adds exactly 0 to every sum. */
struct lane_points {
    double *rows;
    int32_t *counts; /* scratch for resampling: the largest number of units of a set */
    int64_t stride;
    int32_t capacity, n_columns;
    int32_t n_rows[VD_LANES]; /* of each lane */
#if VD_LANES == 1             /* who is alone reads what is no resample where it stands */
    const double *fields[ALLOMETER_MAX_LAW_COLUMNS + 2]; /* no weights: all 1 */
    int64_t pitch;
#endif
};

/* One field of a row, for all lanes. */
KERNEL vd point_field(const struct lane_points *points, int32_t row, int field, int C) {
#if VD_LANES == 1
    const double *from = points->fields[field];
    return field == C + 1 && !from ? 1 : from[row * points->pitch];
#else
    return vd_load(points->rows + ((int64_t)row * (C + 2) + field) * points->stride);
#endif
}

/* Adds the points begin .. end - 1 to the lane's rows, counted so many times. */
KERNEL void put_rows(struct lane_points *points, int lane, const struct allometer_fit_points *from,
                     int64_t begin, int64_t end, double count) {
    const int32_t width = points->n_columns + 2;
    const int64_t pitch = width * points->stride;
    double *rows = points->rows + points->n_rows[lane] * pitch + lane;
    for (int32_t c = 0; c <= points->n_columns; ++c) {
        const double *column = (c < points->n_columns ? from->columns[c] : from->target) + begin;
        for (int64_t i = 0; i < end - begin; ++i) rows[i * pitch + c * points->stride] = column[i];
    }
    rows += (width - 1) * points->stride;
    for (int64_t i = 0; i < end - begin; ++i)
        rows[i * pitch] = from->weight ? from->weight[begin + i] * count : count;
    points->n_rows[lane] += (int32_t)(end - begin);
}

/* How often each unit is drawn in one bootstrap resample. */
KERNEL void draw_units(int32_t *counts, const struct allometer_fitting *fitting,
                       const struct allometer_fit_set *set, uint32_t resample) {
    for (int32_t u = 0; u < set->n_units; ++u) counts[u] = 0;
    for (int32_t u = 0; u < set->n_units; u += 4) {
        uint32_t words[4] = {(uint32_t)u / 4, resample, (uint32_t)set->stream, (uint32_t)(set->stream >> 32)};
        scalar_philox(words, fitting->seed);
        for (int i = 0; i < 4 && u + i < set->n_units; ++i) {
            counts[((uint64_t)words[i] * (uint64_t)set->n_units) >> 32] += 1;
        }
    }
}

KERNEL void fill_rows(struct lane_points *points, int lane, const struct allometer_fitting *fitting,
                      struct allometer_fit_problem problem) {
    const struct allometer_fit_set *set = &fitting->sets[problem.set];
    const struct allometer_fit_points *from = &fitting->points;
    const int64_t first = set->first_unit, end = first + set->n_units, *units = from->units;
#if VD_LANES == 1
    const int C = points->n_columns;
    if (!problem.resample) {
        const int64_t begin = units ? units[first] : first;
        VD_UNROLL for (int c = 0; c < C; ++c) points->fields[c] = from->columns[c] + begin;
        points->fields[C] = from->target + begin;
        points->fields[C + 1] = from->weight ? from->weight + begin : NULL;
        points->pitch = 1;
        points->n_rows[lane] = (int32_t)((units ? units[end] : end) - begin);
        return;
    }
    VD_UNROLL for (int c = 0; c < C + 2; ++c) points->fields[c] = points->rows + c * points->stride;
    points->pitch = (C + 2) * points->stride;
#endif
    points->n_rows[lane] = 0;
    if (!problem.resample) {
        put_rows(points, lane, from, units ? units[first] : first, units ? units[end] : end, 1);
    } else {
        draw_units(points->counts, fitting, set, problem.resample);
        for (int64_t u = first; u < end; ++u) {
            const int32_t count = points->counts[u - first];
            if (count)
                put_rows(points, lane, from, units ? units[u] : u, units ? units[u + 1] : u + 1, count);
        }
    }
    int32_t n = points->n_rows[lane], width = points->n_columns + 2;
    for (int32_t i = n; i < points->capacity && VD_LANES > 1; ++i) {
        double *row = points->rows + (int64_t)i * width * points->stride + lane;
        for (int c = 0; c < width - 1; ++c) row[c * points->stride] = points->rows[c * points->stride + lane];
        row[(width - 1) * points->stride] = 0;
    }
}

/* What rounding leaves of the cost of a perfect fit. */
KERNEL double cost_floor(const struct lane_points *points, int lane, int on_logs) {
    const int C = points->n_columns;
    double sum = 0;
    for (int32_t i = 0; i < points->n_rows[lane]; ++i) {
        vd targets = point_field(points, i, C, C), weights = point_field(points, i, C + 1, C);
        double target = vd_get(&targets, lane);
        sum += vd_get(&weights, lane) * (target * target + (on_logs ? 1 : 0));
    }
    return 1e-31 * sum;
}

#endif
