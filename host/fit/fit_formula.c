/* Where the fit of a formula begins. Nothing is known of its parameters but how it uses them, so: those in which the
   formula is linear follow from the others by linear least squares (variable projection, Golub and Pereyra 1973); the
   others are drawn, each around the size at which it begins to matter, and the best of several draws is taken by the
   cost that remains. */
#include "fit_internal.h"
#include "formula.h"
#include "formula_nodes.h"

#include <math.h>
#include <string.h>

enum {
    POINTS = 256, /* of a group that a draw is judged by, at most, spread evenly */
    FEW = 33,     /* of these that sizes are taken from */
    DRAWS = 16,   /* for each start */
    USES = 4,     /* of one parameter, that are looked at */
};
#define DECADES 2.5 /* to both sides of a parameter's size, the nearer the likelier */

/* What the starts of one group are made from. */
struct search {
    const struct fit_work *work;
    const struct allometer_law *law;
    int P, n, n_few, on_logs;
    double columns[ALLOMETER_MAX_LAW_COLUMNS][POINTS], y[POINTS], weight[POINTS], y_size;
    const double *lower, *upper;                    /* P */
    unsigned char linear[ALLOMETER_MAX_PARAMETERS]; /* solved for; else drawn */
    double size[ALLOMETER_MAX_PARAMETERS];          /* at which a parameter begins to matter, above 0, */
    double sizes[ALLOMETER_MAX_PARAMETERS][USES];   /* in each of its uses */
    int n_uses[ALLOMETER_MAX_PARAMETERS];
    int n_partners[ALLOMETER_MAX_PARAMETERS]; /* what the parameter must be to cancel what it is added to: */
    double partners[ALLOMETER_MAX_PARAMETERS][FEW]; /* values at the points, rising */
    int has_range
        [ALLOMETER_MAX_PARAMETERS]; /* what the parameter must be to turn a product with columns over: */
    double low[ALLOMETER_MAX_PARAMETERS],
        high[ALLOMETER_MAX_PARAMETERS]; /* the logarithm of its size at the points */
};

static int is_positive(const struct search *search, int p) {
    return search->law->parameters[p].role == ALLOMETER_ROLE_POSITIVE;
}

/* ---- the sizes of parameters ---- */

static double sane(double size) {
    return size > 1e-100 && size < 1e100 ? size : 1;
}

/* The median size of n numbers, which are sorted. */
static double median_size(double *values, int n) {
    for (int i = 0; i < n; ++i) values[i] = isfinite(values[i]) ? fabs(values[i]) : 0;
    sort_doubles(values, (size_t)n);
    return sane(values[n / 2]);
}

/* values[slot][i]: every slot of the program at n_few points, all parameters being of their sizes. */
static void evaluate_slots(const struct search *search, double values[][FEW]) {
    const struct allometer_program *program = search->law->program;
    struct formula_tape tape;
    vd t[ALLOMETER_MAX_PARAMETERS], x[ALLOMETER_MAX_LAW_COLUMNS];
    for (int p = 0; p < search->P; ++p)
        t[p] = vd_set(is_positive(search, p) ? log(search->size[p]) : search->size[p]);
    for (int i = 0; i < search->n_few; ++i) {
        int point = search->n_few > 1 ? i * (search->n - 1) / (search->n_few - 1) : 0;
        for (int c = 0; c < program->n_columns; ++c) x[c] = vd_set(search->columns[c][point]);
        int n_slots = formula_forward(program, t, x, &tape);
        for (int s = 0; s < n_slots; ++s) values[s][i] = vd_get(&tape.value[s], 0);
    }
}

/* How large each operand of an instruction would be for its result to be of size y. */
static void sizes_of_operands(int operation, double y, double size_a, double size_b, double *a, double *b) {
    *a = *b = 1;
    switch (operation) {
    case ALLOMETER_OPERATION_add:
    case ALLOMETER_OPERATION_subtract:
    case ALLOMETER_OPERATION_min:
    case ALLOMETER_OPERATION_max: /* as large as the other, to matter beside it */
        *a = size_b, *b = size_a;
        break;
    case ALLOMETER_OPERATION_multiply:
        *a = y / size_b, *b = y / size_a;
        break;
    case ALLOMETER_OPERATION_divide:
        *a = y * size_b, *b = size_a / y;
        break;
    case ALLOMETER_OPERATION_power:
        /* beside 1 a power turns over where what is raised is 1, within the inverse of the exponent */
        *a = y == 1 ? 1 : size_a, *b = y == 1 ? 2 : 0.3;
        break;
    case ALLOMETER_OPERATION_whole_power:
        *a = size_a;
        break;
    case ALLOMETER_OPERATION_negate:
    case ALLOMETER_OPERATION_abs:
        *a = y;
        break;
    case ALLOMETER_OPERATION_sqrt:
        *a = y * y;
        break;
    default: /* functions that bend where their argument is about 1 */
        break;
    }
}

/* What parameter p must be to cancel the other operand of a sum: a negative number of it in a sum. */
static void note_partner(struct search *search, int p, const double *other, double sign) {
    for (int i = 0; i < search->n_few; ++i) {
        search->partners[p][i] = isfinite(other[i]) ? sign * other[i] : 0;
    }
    sort_doubles(search->partners[p], (size_t)search->n_few);
    search->n_partners[p] = search->n_few;
}

/* What parameter p must be for the product of it and a column, or their quotient, to be of size y: from the least to the
   largest that it is at the points. */
static void note_range(struct search *search, int p, const double *column, double y, int is_above) {
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < search->n_few; ++i) {
        double size = fabs(is_above ? y * column[i] : y / column[i]);
        if (!(size > 1e-100 && size < 1e100)) continue;
        low = fmin(low, log(size)), high = fmax(high, log(size));
    }
    if (!(high > low)) return;
    search->low[p] = low, search->high[p] = high, search->has_range[p] = 1;
}

static void note_ranges(struct search *search, struct allometer_instruction step, double y,
                        double values[][FEW]) {
    int P = search->P, end = P + search->law->program->n_columns;
    int divide = step.operation == ALLOMETER_OPERATION_divide;
    if (!divide && step.operation != ALLOMETER_OPERATION_multiply) return;
    if (step.a < P && step.b >= P && step.b < end) note_range(search, step.a, values[step.b], y, divide);
    if (step.b < P && step.a >= P && step.a < end)
        note_range(search, step.b, values[step.a], divide ? 1 / y : y, divide);
}

static void note_use(struct search *search, int slot, double size) {
    if (slot >= search->P) return;
    search->size[slot] = sane(size);
    if (search->n_uses[slot] < USES) search->sizes[slot][search->n_uses[slot]++] = search->size[slot];
}

static void find_sizes(struct search *search) {
    const struct allometer_program *program = search->law->program;
    int P = search->P, first = P + program->n_columns + program->n_constants;
    static _Thread_local double values[ALLOMETER_MAX_SLOTS][FEW];
    double typical[ALLOMETER_MAX_SLOTS], wanted[ALLOMETER_MAX_SLOTS];
    for (int p = 0; p < P; ++p) search->size[p] = 1, search->n_partners[p] = search->has_range[p] = 0;
    for (int sweep = 0; sweep < 3; ++sweep) { /* sizes tell what their neighbors' are */
        evaluate_slots(search, values);
        int n_slots = first + program->n_instructions;
        for (int i = program->n_instructions - 1; i >= 0 && sweep == 2; --i) {
            struct allometer_instruction step = program->code[i];
            int subtract = step.operation == ALLOMETER_OPERATION_subtract;
            if (!subtract && step.operation != ALLOMETER_OPERATION_add) continue;
            if (step.a < P) note_partner(search, step.a, values[step.b], subtract ? 1 : -1);
            if (step.b < P) note_partner(search, step.b, values[step.a], subtract ? 1 : -1);
        }
        for (int s = 0; s < n_slots; ++s) typical[s] = median_size(values[s], search->n_few), wanted[s] = NAN;
        wanted[n_slots - 1] = search->y_size;
        memset(search->n_uses, 0, sizeof search->n_uses);
        for (int i = program->n_instructions - 1; i >= 0; --i) {
            struct allometer_instruction step = program->code[i];
            double y = sane(wanted[first + i]), a, b;
            if (sweep == 2) note_ranges(search, step, y, values);
            sizes_of_operands(step.operation, y, typical[step.a], typical[step.b], &a, &b);
            if (step.operation == ALLOMETER_OPERATION_exp && step.a < P && is_positive(search, step.a))
                a = b = y;
            wanted[step.a] = sane(a);
            note_use(search, step.a, a);
            if (step.b == step.a) continue;
            wanted[step.b] = sane(b);
            note_use(search, step.b, b);
        }
    }
}

/* ---- draws ---- */

/* u in (0, 1) to the power of ten by which a parameter differs from its size. */
static double decades(double u) {
    double s = 2 * u - 1;
    return DECADES * s * fabs(s);
}

static double draw(const struct search *search, int p, double u, int use) {
    int n = search->n_partners[p];
    double size = search->n_uses[p] ? search->sizes[p][use % search->n_uses[p]] : 1;
    if (search->has_range[p]) {
        double share = is_positive(search, p) ? 0.8 : 0.4; /* of the draws for either sign */
        double low = search->low[p], high = search->high[p];
        if (u < share)
            return (is_positive(search, p) ? low + (high - low) * u / share
                                           : exp(low + (high - low) * u / share));
        u = (u - share) / (1 - share);
    }
    if (is_positive(search, p)) return log(size) + 2.302585092994046 * decades(u);
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

static double within(double value, double lower, double upper) {
    return fmin(fmax(value, lower), upper);
}

/* Minimizes the squared error, relative to y where the objective is on logs, over the linear parameters, which come in
   as 0; the cost by the objective itself, or infinity where the formula has none. */
static double solve_linear(const struct search *search, double *start) {
    int P = search->P, m = 0, index[ALLOMETER_MAX_PARAMETERS];
    double values[POINTS], derivatives[POINTS * ALLOMETER_MAX_PARAMETERS], cost = 0;
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
        start[p] = within(isfinite(b[j]) ? b[j] : 0, search->lower[p], search->upper[p]);
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

static void begin_search(struct search *search, const struct fit_work *work, size_t group) {
    size_t first = (size_t)work->units[work->sets[group].first_unit], n = work->fits->groups[group].n_train;
    search->work = work, search->law = work->fits->law, search->P = work->n_parameters;
    search->on_logs = work->fits->options.objective != ALLOMETER_OBJECTIVE_MSE;
    search->n = n < POINTS ? (int)n : POINTS, search->n_few = search->n < FEW ? search->n : FEW;
    search->lower = work->lower + group * (size_t)search->P;
    search->upper = work->upper + group * (size_t)search->P;
    for (int i = 0; i < search->n; ++i) {
        size_t at = first + (size_t)i * n / (size_t)search->n;
        for (int c = 0; c < work->n_columns; ++c) search->columns[c][i] = work->columns[c][at];
        search->y[i] = search->on_logs ? exp(work->target[at]) : work->target[at];
        search->weight[i] = work->weight ? work->weight[at] : 1;
    }
    double sizes[FEW];
    for (int i = 0; i < search->n_few; ++i)
        sizes[i] = search->y[search->n_few > 1 ? i * (search->n - 1) / (search->n_few - 1) : 0];
    search->y_size = median_size(sizes, search->n_few);
    find_sizes(search);
}

/* Which parameters are drawn, the others being linear or given (pinned: the user's starts are kept to). */
static int choose_drawn(struct search *search, int pinned, int *drawn) {
    unsigned char candidate[ALLOMETER_MAX_PARAMETERS];
    int n = 0;
    for (int p = 0; p < search->P; ++p) {
        int given = pinned && !isnan(search->work->wanted[p]);
        candidate[p] = search->lower[p] < search->upper[p] && !given;
    }
    formula_linear(search->law->program, candidate, search->linear);
    for (int p = 0; p < search->P; ++p) {
        if (candidate[p] && !search->linear[p]) drawn[n++] = p;
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
    unsigned char candidate[ALLOMETER_MAX_PARAMETERS], linear[ALLOMETER_MAX_PARAMETERS];
    int n = 0;
    for (int p = 0; p < work->n_parameters; ++p) {
        candidate[p] = work->lower[p] < work->upper[p]; /* alike in all groups but for what the data say */
    }
    formula_linear(work->fits->law->program, candidate, linear);
    for (int p = 0; p < work->n_parameters; ++p) n += candidate[p] && !linear[p];
    return n_starts[n < 6 ? n : 6] + fit_first_start_is_own(work);
}

/* With starts from the user, number 0 is exactly there; of the others, every second one keeps them where the formula is
   not linear. */
static void find_start(struct search *search, int index, double *start) {
    const struct fit_work *work = search->work;
    double trial[ALLOMETER_MAX_PARAMETERS], least = INFINITY;
    int drawn[ALLOMETER_MAX_PARAMETERS];
    int P = search->P, pinned = index % 2 == 0, n_drawn = choose_drawn(search, index == 0, drawn);
    double ratio = fit_even_ratio(n_drawn ? n_drawn : 1);
    for (int k = 0; k < (n_drawn ? DRAWS : 1); ++k) {
        for (int p = 0; p < P; ++p) trial[p] = 0;
        for (int j = 0; j < n_drawn; ++j) {
            int p = drawn[j];
            trial[p] = draw(search, p, fit_even_draw(index * DRAWS + k, j, ratio), k);
        }
        for (int p = 0; p < P; ++p) {
            if (pinned && !isnan(work->wanted[p]) && (index == 0 || !search->linear[p]))
                trial[p] = work->wanted[p];
            trial[p] = search->linear[p] ? 0 : within(trial[p], search->lower[p], search->upper[p]);
        }
        double cost = solve_linear(search, trial);
        if (k > 0 && !(cost < least)) continue;
        least = cost;
        memcpy(start, trial, (size_t)P * sizeof *start);
    }
}

void fit_formula_starts(const struct fit_work *work, size_t group, double *starts) {
    struct search search;
    begin_search(&search, work, group);
    for (int i = 0, n = work->n_starts; i < n; ++i) {
        find_start(&search, i, starts + (size_t)i * (size_t)search.P);
    }
}

void fit_formula_starts_around(const struct fit_work *work, size_t group, const double *parameters, int n,
                               double *starts) {
    struct search search;
    int drawn[ALLOMETER_MAX_PARAMETERS];
    begin_search(&search, work, group);
    int n_drawn = choose_drawn(&search, 0, drawn);
    double ratio = fit_even_ratio(n_drawn ? n_drawn : 1);
    for (int i = 0; i < n; ++i) {
        double *start = starts + (size_t)i * (size_t)search.P;
        memcpy(start, parameters, (size_t)search.P * sizeof *start);
        if (i == 0) continue;
        for (int p = 0; p < search.P; ++p) {
            if (search.linear[p]) start[p] = 0;
        }
        for (int j = 0; j < n_drawn; ++j) { /* one in four by far, the others a little */
            int p = drawn[j];
            double off = (i % 4 == j % 4 ? 3 : 0.3) * (2 * fit_even_draw(i, j, ratio) - 1);
            double moved = is_positive(&search, p) ? start[p] + off : start[p] * (1 + 0.5 * off);
            start[p] = within(moved, search.lower[p], search.upper[p]);
        }
        solve_linear(&search, start);
    }
}
