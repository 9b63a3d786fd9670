/* The sizes of a formula's parameters at which they begin to matter, from how the formula uses them and what the points
   are: a few sweeps from the parameters to the value and back. */
#include "fit_formula.h"
#include "formula.h"

#include <math.h>
#include <string.h>

/* The place among the points of the i-th of the few. */
static int few_point(const struct formula_search *search, int i) {
    return search->n_few > 1 ? i * (search->n - 1) / (search->n_few - 1) : 0;
}

static double sane(double size) {
    return size > 1e-100 && size < 1e100 ? size : 1;
}

/* The median size of n numbers, which are sorted. */
static double median_size(double *values, int n) {
    for (int i = 0; i < n; ++i) values[i] = isfinite(values[i]) ? fabs(values[i]) : 0;
    sort_doubles(values, (size_t)n);
    return sane(values[n / 2]);
}

static int is_given(const struct formula_search *search, int p) {
    return search->given && !isnan(search->given[p]);
}

/* values[slot][i]: every slot of the program at n_few points, all parameters being of their sizes. */
static void evaluate_slots(const struct formula_search *search, double values[][SEARCH_FEW]) {
    const struct allometer_program *program = search->law->program;
    struct formula_tape tape;
    vd t[ALLOMETER_MAX_PARAMETERS];
    for (int p = 0; p < search->P; ++p)
        t[p] = vd_set(is_given(search, p)             ? search->given[p]
                      : search_is_positive(search, p) ? log(search->size[p])
                                                      : search->size[p]);
    for (int i = 0; i < search->n_few; ++i) {
        vd *x = formula_begin(program, t, 1, &tape);
        for (int c = 0; c < program->n_columns; ++c) x[c] = vd_set(search->columns[c][few_point(search, i)]);
        formula_forward(program, 1, &tape);
        for (int s = 0; s < formula_slots(program); ++s) values[s][i] = vd_get(&tape.value[s], 0);
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

/* The same where exponents are given: what is raised to one is of the size that makes the power of size y, and a term is
   as large as its sum, or as what it is added to where that has no parameters. open: slots with parameters that are not
   given. */
static void sizes_of_shaped(struct allometer_instruction step, double y, const unsigned char *open,
                            double exponent, double *a, double *b) {
    switch (step.operation) {
    case ALLOMETER_OPERATION_add:
    case ALLOMETER_OPERATION_subtract:
        if (open[step.a] && open[step.b]) *a = *b = y;
        break;
    case ALLOMETER_OPERATION_power:
        if (open[step.a] && !open[step.b]) *a = pow(y, 1 / exponent);
        break;
    case ALLOMETER_OPERATION_exp:
        *a = fmax(1, fabs(log(y)));
        break;
    default:
        break;
    }
}

/* What parameter p must be to cancel the other operand of a sum: a negative number of it in a sum. */
static void note_partner(struct formula_search *search, int p, const double *other, double sign) {
    for (int i = 0; i < search->n_few; ++i) {
        search->partners[p][i] = isfinite(other[i]) ? sign * other[i] : 0;
    }
    sort_doubles(search->partners[p], (size_t)search->n_few);
    search->n_partners[p] = search->n_few;
}

/* What parameter p must be for the product of it and a column, or their quotient, to be of size y: from the least to the
   largest that it is at the points. */
static void note_range(struct formula_search *search, int p, const double *column, double y, int is_above) {
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < search->n_few; ++i) {
        double size = fabs(is_above ? y * column[i] : y / column[i]);
        if (!(size > 1e-100 && size < 1e100)) continue;
        low = fmin(low, log(size)), high = fmax(high, log(size));
    }
    if (!(high > low)) return;
    search->low[p] = low, search->high[p] = high, search->has_range[p] = 1;
}

static void note_ranges(struct formula_search *search, struct allometer_instruction step, double y,
                        double values[][SEARCH_FEW]) {
    int P = search->P, end = P + search->law->program->n_columns;
    int divide = step.operation == ALLOMETER_OPERATION_divide;
    if (!divide && step.operation != ALLOMETER_OPERATION_multiply) return;
    if (step.a < P && step.b >= P && step.b < end) note_range(search, step.a, values[step.b], y, divide);
    if (step.b < P && step.a >= P && step.a < end)
        note_range(search, step.b, values[step.a], divide ? 1 / y : y, divide);
}

static double span_of(const double *values, int n) {
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < n; ++i) low = fmin(low, values[i]), high = fmax(high, values[i]);
    return high - low;
}

/* Notes the parameters among the factors of a phase that spans so much at the points. direction: 1 above, -1 below. */
static void note_turns(struct formula_search *search, int slot, double span, int direction,
                       double values[][SEARCH_FEW]) {
    const struct allometer_program *program = search->law->program;
    int first = search->P + program->n_columns + program->n_constants;
    if (slot < search->P) {
        double stretch = 1.5707963267948966 / span;
        search->turns[slot] = direction;
        search->slowest[slot] = search->size[slot] * (direction > 0 ? stretch : 1 / stretch);
    }
    if (slot < first) return;
    struct allometer_instruction step = program->code[slot - first];
    int a_varies = 1, b_varies = 1;
    switch (step.operation) {
    case ALLOMETER_OPERATION_negate:
        b_varies = 0;
        break;
    case ALLOMETER_OPERATION_add:
    case ALLOMETER_OPERATION_subtract: /* a shift of the phase, and what is shifted */
        a_varies = span_of(values[step.a], search->n_few) > 0;
        b_varies = span_of(values[step.b], search->n_few) > 0;
        if (a_varies && b_varies) return;
        break;
    case ALLOMETER_OPERATION_multiply:
    case ALLOMETER_OPERATION_divide:
        break;
    default:
        return;
    }
    int below = step.operation == ALLOMETER_OPERATION_divide;
    if (a_varies) note_turns(search, step.a, span, direction, values);
    if (b_varies) note_turns(search, step.b, span, below ? -direction : direction, values);
}

/* What the formula is made of shows how parameters work together: phases, and sums that vanish. */
static void note_phases_and_partners(struct formula_search *search, double values[][SEARCH_FEW]) {
    const struct allometer_program *program = search->law->program;
    for (int i = program->n_instructions - 1; i >= 0; --i) {
        struct allometer_instruction step = program->code[i];
        int subtract = step.operation == ALLOMETER_OPERATION_subtract;
        if (step.operation == ALLOMETER_OPERATION_sin || step.operation == ALLOMETER_OPERATION_cos) {
            double span = span_of(values[step.a], search->n_few);
            if (span > 0 && span < 1e100) note_turns(search, step.a, span, 1, values);
        }
        if (!subtract && step.operation != ALLOMETER_OPERATION_add) continue;
        if (step.a < search->P) note_partner(search, step.a, values[step.b], subtract ? 1 : -1);
        if (step.b < search->P) note_partner(search, step.b, values[step.a], subtract ? 1 : -1);
    }
}

static void note_use(struct formula_search *search, int slot, double size) {
    if (slot >= search->P) return;
    search->size[slot] = sane(size);
    if (search->n_uses[slot] < SEARCH_USES) search->sizes[slot][search->n_uses[slot]++] = search->size[slot];
}

void formula_find_sizes(struct formula_search *search) {
    const struct allometer_program *program = search->law->program;
    int P = search->P, first = P + program->n_columns + program->n_constants;
    static _Thread_local double values[ALLOMETER_MAX_SLOTS][SEARCH_FEW];
    double typical[ALLOMETER_MAX_SLOTS], wanted[ALLOMETER_MAX_SLOTS];
    unsigned char open[ALLOMETER_MAX_SLOTS] = {0};
    for (int p = 0; p < P; ++p) open[p] = !is_given(search, p);
    for (int i = 0; i < program->n_instructions; ++i)
        open[first + i] = open[program->code[i].a] | open[program->code[i].b];
    for (int p = 0; p < P; ++p)
        search->size[p] = 1, search->n_partners[p] = search->has_range[p] = search->turns[p] = 0;
    double sizes[SEARCH_FEW];
    for (int i = 0; i < search->n_few; ++i) sizes[i] = search->y[few_point(search, i)];
    const double y_size = median_size(sizes, search->n_few);
    for (int sweep = search->given != NULL; sweep < 3; ++sweep) { /* sizes tell what their neighbors' are */
        evaluate_slots(search, values);
        int n_slots = first + program->n_instructions;
        if (sweep == 2) note_phases_and_partners(search, values);
        for (int s = 0; s < n_slots; ++s) typical[s] = median_size(values[s], search->n_few), wanted[s] = NAN;
        wanted[n_slots - 1] = y_size;
        memset(search->n_uses, 0, sizeof search->n_uses);
        for (int i = program->n_instructions - 1; i >= 0; --i) {
            struct allometer_instruction step = program->code[i];
            double y = sane(wanted[first + i]), a, b;
            if (sweep == 2) note_ranges(search, step, y, values);
            sizes_of_operands(step.operation, y, typical[step.a], typical[step.b], &a, &b);
            if (search->given) sizes_of_shaped(step, y, open, values[step.b][0], &a, &b);
            if (step.operation == ALLOMETER_OPERATION_exp && step.a < P && search_is_positive(search, step.a))
                a = y;
            wanted[step.a] = sane(a);
            note_use(search, step.a, a);
            if (step.b == step.a) continue;
            wanted[step.b] = sane(b);
            note_use(search, step.b, b);
        }
    }
}
