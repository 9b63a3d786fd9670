/* Where the fit of a formula begins. Nothing is known of its parameters but how it uses them, so: those in which the
   formula is linear follow from the others by linear least squares (variable projection, Golub and Pereyra 1973); the
   others are drawn, each around the size at which it begins to matter, and the best of several draws is taken by the
   cost that remains. */
#include "fit_formula.h"
#include "formula_nodes.h"

#include <math.h>
#include <string.h>

enum {
    DRAWS = 16,       /* for each start, */
    SHAPED_DRAWS = 4, /* and more of formulas with exponents: around sizes that go with these */
};
#define DECADES 2.5 /* to both sides of a parameter's size, the nearer the likelier */

/* u in (0, 1) to the power of ten by which a parameter differs from its size. */
static double decades(double u) {
    double s = 2 * u - 1;
    return DECADES * s * fabs(s);
}

/* From a quarter of a cycle over the points to one for every two of them; half of the draws are even in the number of
   cycles, half in its logarithm. */
static double draw_turns(const struct formula_search *search, int p, double u) {
    double most = fmax(2.0 * (search->n - 1), 1);
    double faster = u < 0.5 ? pow(most, 2 * u) : 1 + (2 * u - 1) * (most - 1);
    return search->turns[p] > 0 ? search->slowest[p] * faster : search->slowest[p] / faster;
}

static double draw(const struct formula_search *search, int p, double u, int use) {
    int n = search->n_partners[p];
    double size = search->n_uses[p] ? search->sizes[p][use % search->n_uses[p]] : 1;
    if (search->turns[p]) return draw_turns(search, p, u);
    if (search->has_range[p]) {
        double share = search_is_positive(search, p) ? 0.8 : 0.4; /* of the draws for either sign */
        double low = search->low[p], high = search->high[p];
        if (u < share)
            return (search_is_positive(search, p) ? low + (high - low) * u / share
                                                  : exp(low + (high - low) * u / share));
        u = (u - share) / (1 - share);
    }
    if (search_is_positive(search, p)) return log(size) + 2.302585092994046 * decades(u);
    if (n > 1) {
        if (u < 0.5) { /* among the partner's values, and a tenth of their range beyond */
            const double *sorted = search->partners[p];
            double reach = 0.1 * (sorted[n - 1] - sorted[0]), at = 2.4 * u - 0.1;
            if (at < 0) return sorted[0] + 10 * at * reach;
            if (at > 1) return sorted[n - 1] + 10 * (at - 1) * reach;
            return sorted_quantile(sorted, (size_t)n, at);
        }
        u = 2 * u - 1;
    }
    double sign = u < 0.5 ? 1 : -1;
    return sign * size * pow(10, decades(u < 0.5 ? 2 * u : 2 * u - 1));
}

/* Minimizes the squared error, relative to y where the objective is on logs, over the linear parameters, which come in
   as 0; the cost by the objective itself, or infinity where the formula has none. */
static double solve_linear(const struct formula_search *search, double *start) {
    int P = search->P, m = 0, index[ALLOMETER_MAX_PARAMETERS];
    double values[SEARCH_POINTS], derivatives[SEARCH_POINTS * ALLOMETER_MAX_PARAMETERS], cost = 0;
    double a[ALLOMETER_MAX_PARAMETERS * ALLOMETER_MAX_PARAMETERS] = {0}, b[ALLOMETER_MAX_PARAMETERS] = {0};
    const double *columns[ALLOMETER_MAX_LAW_COLUMNS];
    for (int c = 0; c < search->law->n_columns; ++c) columns[c] = search->columns[c];
    for (int p = 0; p < P; ++p) {
        if (search->linear[p]) index[m++] = p;
    }
    allometer_law_evaluate_formed(search->law, start, columns, (size_t)search->n, values, derivatives);
    for (int i = 0; i < search->n; ++i) {
        double weight = search->weight[i] / (search->on_logs ? search->y[i] * search->y[i] : 1);
        double error = search->y[i] - values[i], *row = derivatives + i * P, size = fabs(error);
        for (int j = 0; j < m; ++j) size += fabs(row[index[j]]);
        if (!isfinite(size)) return INFINITY;
        for (int j = 0; j < m; ++j) {
            b[j] += weight * row[index[j]] * error;
            for (int k = 0; k < m; ++k) a[j * m + k] += weight * row[index[j]] * row[index[k]];
        }
    }
    fit_solve_normal(a, b, m);
    for (int j = 0; j < m; ++j) {
        int p = index[j];
        start[p] = fit_within(isfinite(b[j]) ? b[j] : 0, search->lower[p], search->upper[p]);
    }
    for (int i = 0; i < search->n; ++i) {
        double error = search->y[i] - values[i];
        for (int j = 0; j < m; ++j) error -= derivatives[i * P + index[j]] * start[index[j]];
        if (search->on_logs) error = log(1 - error / search->y[i]);
        cost += search->weight[i] * error * error;
    }
    return isfinite(cost) ? cost : INFINITY;
}

/* ---- the search ---- */

/* The logarithm of exp(formula) is the formula, linear in more of its parameters. */
static void take_exponent(struct formula_search *search) {
    const struct allometer_program *program = search->law->program;
    int last = program->n_instructions - 1;
    int before = program->n_parameters + program->n_columns + program->n_constants + last - 1;
    if (!search->on_logs || last < 1 || program->code[last].operation != ALLOMETER_OPERATION_exp
        || program->code[last].a != before)
        return;
    search->exponent = *search->law, search->exponent_program = *program;
    --search->exponent_program.n_instructions;
    search->exponent.program = &search->exponent_program;
    search->law = &search->exponent, search->on_logs = 0;
}

static void begin_search(struct formula_search *search, const struct fit_work *work, size_t group) {
    size_t first = fit_first_point(work, group), n = fit_n_points(work, group);
    search->work = work, search->law = work->fits->law, search->P = work->n_parameters;
    search->on_logs = fit_on_logs(work->fits);
    take_exponent(search);
    search->n = n < SEARCH_POINTS ? (int)n : SEARCH_POINTS,
    search->n_few = search->n < SEARCH_FEW ? search->n : SEARCH_FEW;
    search->lower = work->lower + group * (size_t)search->P;
    search->upper = work->upper + group * (size_t)search->P;
    for (int i = 0; i < search->n; ++i) {
        size_t at = first + (size_t)i * n / (size_t)search->n;
        for (int c = 0; c < work->n_columns; ++c) search->columns[c][i] = work->columns[c][at];
        search->y[i] = search->on_logs ? exp(work->target[at]) : work->target[at];
        search->weight[i] = fit_weight(work, at);
    }
    search->given = NULL;
    memset(search->is_exponent, 0, sizeof search->is_exponent);
    formula_exponents(search->law->program, search->is_exponent);
    formula_find_sizes(search);
}

/* Which parameters are drawn, the others being linear, which are marked, or given (pinned: the user's starts are kept
   to). Bounds are the user's alone, and so the same in all groups. */
static int choose_drawn(const struct fit_work *work, const struct allometer_program *program, int pinned,
                        unsigned char *linear, int *drawn) {
    unsigned char candidate[ALLOMETER_MAX_PARAMETERS];
    int n = 0;
    for (int p = 0; p < work->n_parameters; ++p)
        candidate[p] = work->lower[p] < work->upper[p] && !(pinned && !isnan(work->wanted[p]));
    formula_linear(program, candidate, linear);
    for (int p = 0; p < work->n_parameters; ++p) {
        if (candidate[p] && !linear[p]) drawn[n++] = p;
    }
    return n;
}

int fit_first_start_is_own(const struct fit_work *work) {
    int given = 0;
    for (int p = 0; p < work->n_parameters; ++p) given |= !isnan(work->wanted[p]);
    return given && work->fits->law->program;
}

int fit_formula_n_starts(const struct fit_work *work) {
    static const int n_starts[] = {1, 24, 96, 256, 512, 512, 1024};
    unsigned char linear[ALLOMETER_MAX_PARAMETERS];
    int drawn[ALLOMETER_MAX_PARAMETERS], n = choose_drawn(work, work->fits->law->program, 0, linear, drawn);
    return n_starts[n < 6 ? n : 6] + fit_first_start_is_own(work);
}

/* One more candidate for a start: kept if it is the best so far. */
static void try_start(const struct formula_search *search, double *trial, double *least, double *start) {
    for (int p = 0; p < search->P; ++p) {
        trial[p] = search->linear[p] ? 0 : fit_within(trial[p], search->lower[p], search->upper[p]);
    }
    double cost = solve_linear(search, trial);
    if (!isnan(*least) && !(cost < *least)) return;
    *least = cost;
    memcpy(start, trial, (size_t)search->P * sizeof *start);
}

/* Whether some parameters are exponents, and others are drawn whose sizes depend on these. */
static int has_shapes(const struct formula_search *search, const int *drawn, int n_drawn) {
    int n = 0, n_others = 0;
    for (int p = 0; p < search->P; ++p) n += search->is_exponent[p];
    for (int j = 0; j < n_drawn; ++j) n_others += !search->is_exponent[drawn[j]];
    return n > 0 && n_others > 0;
}

/* Finds the sizes that go with a trial's exponents. */
static void find_shaped_sizes(const struct formula_search *search, const double *trial,
                              struct formula_search *shaped) {
    double given[ALLOMETER_MAX_PARAMETERS];
    for (int p = 0; p < search->P; ++p)
        given[p] = search->is_exponent[p] ? fit_within(trial[p], search->lower[p], search->upper[p]) : NAN;
    shaped->given = given;
    formula_find_sizes(shaped);
    shaped->given = NULL;
}

/* Draw number k of those for one start. Of the last ones the exponents come first, and the others around sizes that go
   with them: A in A/N^alpha is as large as N^alpha. `kept`: values that the user gave, NaN of those to be drawn. */
static void draw_trial(const struct formula_search *search, struct formula_search *shaped, int index, int k,
                       const int *drawn, int n_drawn, const double *kept, double *trial) {
    const struct fit_sequence sequence = fit_sequence_of(n_drawn ? n_drawn : 1);
    int is_shaped = k >= DRAWS, at = index * DRAWS + k;
    if (is_shaped) at = search->work->n_starts * DRAWS + index * SHAPED_DRAWS + k - DRAWS;
    for (int p = 0; p < search->P; ++p) trial[p] = 0;
    for (int pass = 0; pass <= is_shaped; ++pass) {
        if (pass) find_shaped_sizes(search, trial, shaped);
        for (int j = 0; j < n_drawn; ++j) {
            int p = drawn[j];
            if (pass && search->is_exponent[p]) continue;
            trial[p] = draw(pass ? shaped : search, p, fit_sequence_draw(&sequence, at, j), k);
        }
        for (int p = 0; p < search->P; ++p) {
            if (!isnan(kept[p])) trial[p] = kept[p];
        }
    }
}

/* With starts from the user, number 0 is exactly there; of the others, every second one keeps them where the formula is
   not linear. What turns is then drawn again, one parameter at a time: each cycle of a sum is found beside the others,
   where all together seldom are. */
static void find_start(struct formula_search *search, struct formula_search *shaped, int index,
                       double *start) {
    const double *wanted = search->work->wanted;
    double trial[ALLOMETER_MAX_PARAMETERS], kept[ALLOMETER_MAX_PARAMETERS], least = NAN;
    int drawn[ALLOMETER_MAX_PARAMETERS];
    int P = search->P, pinned = index % 2 == 0,
        n_drawn = choose_drawn(search->work, search->law->program, index == 0, search->linear, drawn);
    int n = !n_drawn ? 1 : has_shapes(search, drawn, n_drawn) ? DRAWS + SHAPED_DRAWS : DRAWS;
    const struct fit_sequence sequence = fit_sequence_of(n_drawn ? n_drawn : 1);
    for (int p = 0; p < P; ++p) kept[p] = pinned && (index == 0 || !search->linear[p]) ? wanted[p] : NAN;
    for (int k = 0; k < n; ++k) {
        draw_trial(search, shaped, index, k, drawn, n_drawn, kept, trial);
        try_start(search, trial, &least, start);
    }
    for (int j = 0; j < n_drawn && n_drawn > 1; ++j) {
        int p = drawn[j];
        if (!search->turns[p] || (pinned && !isnan(wanted[p]))) continue;
        for (int k = 0; k < DRAWS; ++k) {
            memcpy(trial, start, (size_t)P * sizeof *trial);
            trial[p] = draw(search, p, fit_sequence_draw(&sequence, index * DRAWS + k, P + j), k);
            try_start(search, trial, &least, start);
        }
    }
}

void fit_formula_starts(const struct fit_work *work, size_t group, double *starts) {
    struct formula_search search;
    begin_search(&search, work, group);
    struct formula_search shaped = search;
    if (shaped.n_few > SEARCH_FEWER) shaped.n_few = SEARCH_FEWER;
    for (int i = 0; i < work->n_starts; ++i) {
        find_start(&search, &shaped, i, starts + (size_t)i * (size_t)search.P);
    }
}

void fit_formula_starts_around(const struct fit_work *work, size_t group, double *starts) {
    struct formula_search search;
    int drawn[ALLOMETER_MAX_PARAMETERS];
    begin_search(&search, work, group);
    int n_drawn = choose_drawn(work, search.law->program, 0, search.linear, drawn);
    const struct fit_sequence sequence = fit_sequence_of(n_drawn ? n_drawn : 1);
    for (int i = 0; i < work->n_starts; ++i) {
        double *start = starts + (size_t)i * (size_t)search.P;
        memcpy(start, work->fits->groups[group].inner, (size_t)search.P * sizeof *start);
        if (i == 0) continue;
        for (int p = 0; p < search.P; ++p) {
            if (search.linear[p]) start[p] = 0;
        }
        for (int j = 0; j < n_drawn; ++j) { /* one in four by far, the others a little */
            int p = drawn[j];
            double off = (i % 4 == j % 4 ? 3 : 0.3) * (2 * fit_sequence_draw(&sequence, i, j) - 1);
            double moved = search_is_positive(&search, p) ? start[p] + off : start[p] * (1 + 0.5 * off);
            start[p] = fit_within(moved, search.lower[p], search.upper[p]);
        }
        solve_linear(&search, start);
    }
}
