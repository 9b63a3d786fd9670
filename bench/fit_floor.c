#include "fit_floor.h"

/* One value with its derivatives by all parameters, at one point. What parameters alone decide is computed once. */
static const struct row {
    enum allometer_law_id law;
    double operations, exponentials, logarithms, divisions;
} rows[] = {
    /* log term 1, sum 1, by the exponent 1 */
    {ALLOMETER_LAW_power, 2, 1, 0, 0},
    {ALLOMETER_LAW_power_offset, 3, 1, 0, 0},
    /* each break more: u 1, softplus and its slope 4 with an exponential, a logarithm and a division, its part of the
       exponent 2, three derivatives 4, each times the term 3 */
    {ALLOMETER_LAW_bnsl_0, 3, 1, 0, 0},
    {ALLOMETER_LAW_bnsl_1, 17, 2, 1, 1},
    {ALLOMETER_LAW_bnsl_2, 31, 3, 2, 2},
    {ALLOMETER_LAW_bnsl_3, 45, 4, 3, 3},
    /* two power terms and their sum */
    {ALLOMETER_LAW_chinchilla, 6, 2, 0, 0},
};

struct floor fit_floor(const struct allometer_law *law, double n_points, double steps) {
    const double P = law->n_parameters, evaluations = steps + 1, points = n_points * evaluations;
    struct floor floor = {{0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
        if (rows[i].law != law->id) continue;
        /* The residual of log y, its square and its weights: 4 with a logarithm and a division. Normal equations: a
           weighted row P, its products P (P + 1) / 2, the gradient P. Of each step, by Cholesky's method, P^3 / 6, twice
           P^2 / 2 and a root and a quotient for each pivot. */
        double operations =
            (rows[i].operations + 4 + 2 * P + P * (P + 1) / 2) * points + (P * P * P / 6 + P * P) * steps;
        floor.needs[CEILING_DOUBLE_MULTIPLY_ADDS] = 2 * operations;
        floor.needs[CEILING_DOUBLE_EXPONENTIALS] = rows[i].exponentials * points;
        floor.needs[CEILING_DOUBLE_LOGARITHMS] = (rows[i].logarithms + 1) * points;
        floor.needs[CEILING_DOUBLE_DIVISIONS] = (rows[i].divisions + 1) * points + 2 * P * steps;
        floor.needs[CEILING_CACHE_BYTES] = (double)sizeof(double) * (law->n_columns + 1) * points;
    }
    return floor;
}
