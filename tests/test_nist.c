/* NIST's reference data sets for nonlinear regression (StRD): the certified parameters and standard errors, from both
   published starts and from none, by the solver alone and by a fit as its user has it; the models are formulas, and
   laws of the table where one is the same. Sets whose file is not in the folder are named and left out. */
#include "fit.h"
#include "formula_parse.h"
#include "made_table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cpu_device.h"

/* Another folder may be named in the environment. */
#define DATA SOURCE_DIR "/../shared/data/nist-strd"

enum { MOST_POINTS = 300, MOST_PARAMETERS = 9, MOST_COLUMNS = 2 };

/* Values are certified to 11 digits, and 8 of them are asked for. */
#define DIGITS    8
#define CERTIFIED 11

#define SUM_OF_3 "b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x)"
#define PEAKS    "b1*exp(-b2*x) + b3*exp(-((x - b4)/b5)^2) + b6*exp(-((x - b7)/b8)^2)"

static const struct reference {
    const char *name, *formula;
    const char *law;               /* of the table, with the same parameters but for signs; else NULL */
    double signs[MOST_PARAMETERS]; /* of the law's parameters in those of the formula */
    int alike;                     /* terms may change places until a start names them */
    int residual; /* digits of the residuals, and so of the standard errors; 0: as many as of the parameters */
    int far;      /* start 1 may be too far for the solver alone, which then has to say so */
} references[] = {
    {.name = "Bennett5", .formula = "b1*(b2 + x)^(-1/b3)"},
    {.name = "BoxBOD", .formula = "b1*(1 - exp(-b2*x))"},
    {.name = "Chwirut1", .formula = "exp(-b1*x)/(b2 + b3*x)"},
    {.name = "Chwirut2", .formula = "exp(-b1*x)/(b2 + b3*x)"},
    {.name = "DanWood", .formula = "b1*x^b2", .law = "power", .signs = {1, -1}},
    {.name = "ENSO",
     .formula = "b1 + b2*cos(2*pi*x/12) + b3*sin(2*pi*x/12) + b5*cos(2*pi*x/b4) + b6*sin(2*pi*x/b4)"
                " + b8*cos(2*pi*x/b7) + b9*sin(2*pi*x/b7)",
     .alike = 1},
    {.name = "Eckerle4", .formula = "b1/b2*exp(-0.5*((x - b3)/b2)^2)"},
    {.name = "Gauss1", .formula = PEAKS, .alike = 1},
    {.name = "Gauss2", .formula = PEAKS, .alike = 1},
    {.name = "Gauss3", .formula = PEAKS, .alike = 1},
    {.name = "Hahn1", .formula = "(b1 + b2*x + b3*x^2 + b4*x^3)/(1 + b5*x + b6*x^2 + b7*x^3)"},
    {.name = "Kirby2", .formula = "(b1 + b2*x + b3*x^2)/(1 + b4*x + b5*x^2)"},
    /* Residuals of 1e-13: y rounded to a double leaves 3.1 digits of their squares and 3.4 of the standard errors in
       exact arithmetic, and a value of the law that is rounded too, by a unit or two, half a digit less. */
    {.name = "Lanczos1", .formula = SUM_OF_3, .alike = 1, .residual = 2},
    {.name = "Lanczos2", .formula = SUM_OF_3, .alike = 1},
    {.name = "Lanczos3", .formula = SUM_OF_3, .alike = 1},
    {.name = "MGH09", .formula = "b1*(x^2 + x*b2)/(x^2 + x*b3 + b4)"},
    /* From start 1 a valley leads through b1 = 1e-50: thousands of steps. */
    {.name = "MGH10", .formula = "b1*exp(b2/(x + b3))", .far = 1},
    {.name = "MGH17", .formula = "b1 + b2*exp(-x*b4) + b3*exp(-x*b5)", .alike = 1},
    {.name = "Misra1a", .formula = "b1*(1 - exp(-b2*x))"},
    {.name = "Misra1b", .formula = "b1*(1 - (1 + b2*x/2)^(-2))"},
    {.name = "Misra1c", .formula = "b1*(1 - (1 + 2*b2*x)^(-0.5))"},
    {.name = "Misra1d", .formula = "b1*b2*x*((1 + b2*x)^(-1))"},
    {.name = "Nelson", .formula = "b1 - b2*x*exp(-b3*z)"}, /* of log(y) */
    {.name = "Rat42", .formula = "b1/(1 + exp(b2 - b3*x))"},
    {.name = "Rat43", .formula = "b1/(1 + exp(b2 - b3*x))^(1/b4)"},
    {.name = "Roszman1", .formula = "b1 - b2*x - atan(b3/(x - b4))/pi"},
    {.name = "Thurber", .formula = "(b1 + b2*x + b3*x^2 + b4*x^3)/(1 + b5*x + b6*x^2 + b7*x^3)"},
};
enum { N_REFERENCES = sizeof references / sizeof *references };

struct data_set {
    int n, P, n_columns;
    double x[MOST_COLUMNS][MOST_POINTS], y[MOST_POINTS], starts[2][MOST_PARAMETERS],
        certified[MOST_PARAMETERS], errors[MOST_PARAMETERS], sum_of_squares;
};

static const char *folder(void) {
    const char *named = getenv("ALLOMETER_NIST_DATA");
    return named ? named : DATA;
}

static FILE *open_set(const char *name) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.dat", folder(), name);
    return fopen(path, "r");
}

/* The files' form: "b1 = start start value error" lines, "Residual Sum of Squares: value", then, after the second line
   that begins with "Data:", y and the columns of x. */
static void read_set(FILE *file, const char *name, struct data_set *set) {
    char line[256];
    int headers = 0, p;
    *set = (struct data_set){0};
    while (fgets(line, sizeof line, file)) {
        double values[4];
        if (sscanf(line, " b%d = %lf %lf %lf %lf", &p, &values[0], &values[1], &values[2], &values[3]) == 5) {
            assert_true(p >= 1 && p <= MOST_PARAMETERS);
            set->starts[0][p - 1] = values[0], set->starts[1][p - 1] = values[1];
            set->certified[p - 1] = values[2], set->errors[p - 1] = values[3];
            set->P = p > set->P ? p : set->P;
        }
        sscanf(line, "Residual Sum of Squares: %lf", &set->sum_of_squares);
        headers += strncmp(line, "Data:", 5) == 0;
        int read = headers == 2 ? sscanf(line, "%lf %lf %lf", &values[0], &values[1], &values[2]) : 0;
        if (read < 2 || set->n == MOST_POINTS) continue;
        set->n_columns = read - 1;
        set->y[set->n] = strcmp(name, "Nelson") ? values[0] : log(values[0]);
        for (int c = 0; c < set->n_columns; ++c) set->x[c][set->n] = values[c + 1];
        ++set->n;
    }
    fclose(file);
    assert_true(set->n > set->P && set->sum_of_squares > 0);
}

/* The significant digits that all values have in common with the certified ones: -log10 of the relative error. */
static double digits(const double *values, const double *certified, int n) {
    double least = CERTIFIED;
    for (int i = 0; i < n; ++i) {
        double error = fabs(values[i] - certified[i]) / fabs(certified[i]);
        least = isfinite(error) ? fmin(least, -log10(error)) : -INFINITY;
    }
    return least;
}

static struct allometer_law *parse(const char *text, int n_columns) {
    struct allometer_law *law;
    struct allometer_error error;
    if (allometer_law_parse(text, (const char *const[]){"x", "z"}, n_columns, &law, &error)) {
        fail_msg("%s", error.message);
    }
    return law;
}

/* Which of NIST's parameters a law's is: a formula's come in the order in which it names them. */
static int number_of(const struct allometer_law *law, int p) {
    return law->program ? atoi(law->parameters[p].name + 1) - 1 : p;
}

struct found {
    double parameters, errors, sum; /* digits; infinity where they are not asked for */
};

static int n_short;

/* Digits as text, or that none are asked for. */
struct digits_text {
    char text[16];
};

static struct digits_text text_of(double digits) {
    struct digits_text of = {"   -"};
    if (digits < INFINITY) snprintf(of.text, sizeof of.text, "%4.1f", digits);
    return of;
}

/* One line of the table; fewer digits than are asked for are counted. */
static void report(const struct reference *of, const char *how, int start, struct found found, int converged,
                   int may_give_up) {
    static const char *const starts[] = {"start 1", "start 2", "no start"};
    int residual = of->residual ? of->residual : DIGITS;
    int enough = converged && found.parameters >= DIGITS && found.errors >= residual && found.sum >= residual;
    enough |= !converged && may_give_up;
    n_short += !enough;
    printf("%-9s %-8s digits: parameters %s, errors %s, sum of squares %4.1f  %s%s\n", of->name,
           starts[start], text_of(found.parameters).text, text_of(found.errors).text, found.sum, how,
           enough ? "" : "  TOO FEW");
}

/* The solver, from exactly the published starts. */
static void check_solver(const struct reference *of, const struct allometer_law *law,
                         const struct data_set *set) {
    int P = law->n_parameters;
    double lower[MOST_PARAMETERS], upper[MOST_PARAMETERS], starts[2 * MOST_PARAMETERS];
    struct allometer_fit_outcome outcomes[2];
    struct allometer_error error;
    const struct allometer_fit_set fit_set = {.n_units = set->n};
    const struct allometer_fit_problem problems[2] = {{0}};
    for (int p = 0; p < P; ++p) {
        enum allometer_role role = law->parameters[p].role;
        lower[p] = -INFINITY, upper[p] = INFINITY;
        for (int s = 0; s < 2; ++s)
            starts[s * P + p] = allometer_role_inner(role, set->starts[s][number_of(law, p)]);
    }
    const struct allometer_fitting fitting = {.law = (int32_t)law->id,
                                              .program = law->program,
                                              .objective = ALLOMETER_OBJECTIVE_MSE,
                                              .max_iterations = 1000,
                                              .points = {.columns = {set->x[0], set->x[1]}, .target = set->y},
                                              .sets = &fit_set,
                                              .lower = lower,
                                              .upper = upper,
                                              .problems = problems,
                                              .starts = starts,
                                              .n_sets = 1,
                                              .n_problems = 2,
                                              .parameters = starts,
                                              .outcomes = outcomes};
    assert_int_equal(allometer_cpu.fit(device, &fitting, &error), ALLOMETER_OK);
    for (int s = 0; s < 2; ++s) {
        double values[MOST_PARAMETERS];
        for (int p = 0; p < P; ++p) {
            values[number_of(law, p)] = allometer_role_outer(law->parameters[p].role, starts[s * P + p]);
        }
        struct found found = {.parameters = digits(values, set->certified, P),
                              .errors = INFINITY,
                              .sum = digits(&outcomes[s].cost, &set->sum_of_squares, 1)};
        char how[64];
        snprintf(how, sizeof how, "solver, %d iterations, status %d", outcomes[s].iterations,
                 outcomes[s].status);
        report(of, how, s, found, outcomes[s].status <= ALLOMETER_FIT_COST, of->far && s == 0);
    }
}

/* A fit, with one of the published starts or (start = 2) none; signs: of the law's parameters. */
static void check_fit(const struct reference *of, const struct allometer_law *law, const struct data_set *set,
                      const double *signs, int start) {
    struct allometer_fit_setting settings[MOST_PARAMETERS];
    double values[MOST_PARAMETERS], errors[MOST_PARAMETERS];
    struct allometer_fits *fits;
    struct allometer_error error;
    struct allometer_table *table = make_table_of("x,z,y");
    for (int i = 0; i < set->n; ++i)
        add_row(table, (double[]){set->x[0][i], set->n_columns > 1 ? set->x[1][i] : NAN, set->y[i]});
    for (int p = 0; p < set->P; ++p) {
        double sign = signs ? signs[p] : 1;
        settings[p] = (struct allometer_fit_setting){
            law->parameters[p].name, start < 2 ? sign * set->starts[start][number_of(law, p)] : NAN, NAN,
            NAN};
    }
    const struct allometer_fit_options options = {.law = law,
                                                  .objective = ALLOMETER_OBJECTIVE_MSE,
                                                  .x = {"x", set->n_columns > 1 ? "z" : NULL},
                                                  .y = "y",
                                                  .settings = settings,
                                                  .n_settings = (size_t)set->P,
                                                  .confidence = 0.95,
                                                  .backend = &allometer_cpu,
                                                  .device = device};
    if (allometer_fit(table, &options, &fits, &error)) fail_msg("%s", error.message);
    const struct allometer_fit_group *group = &fits->groups[0];
    for (int p = 0; p < set->P; ++p) {
        values[number_of(law, p)] = (signs ? signs[p] : 1) * group->values[p];
        errors[number_of(law, p)] = group->errors[p];
    }
    double sum = group->objective * set->n;
    struct found found = {.parameters = INFINITY, .errors = INFINITY};
    found.sum = digits(&sum, &set->sum_of_squares, 1);
    if (start < 2 || !of->alike) {
        found.parameters = digits(values, set->certified, set->P);
        found.errors = digits(errors, set->errors, set->P);
    }
    char how[96];
    snprintf(how, sizeof how, "%s, %s", law->program ? "formula" : law->name,
             allometer_group_status_names[group->status]);
    report(of, how, start, found, group->status <= ALLOMETER_FIT_COST, 0);
    allometer_fits_free(fits);
    allometer_table_free(table);
}

static void test_certified_values(void **state) {
    (void)state;
    for (const struct reference *of = references; of < references + N_REFERENCES; ++of) {
        struct data_set set;
        FILE *file = open_set(of->name);
        if (!file) {
            printf("%-9s skipped: its file is not in %s\n", of->name, folder());
            continue;
        }
        read_set(file, of->name, &set);
        struct allometer_law *law = parse(of->formula, set.n_columns);
        assert_int_equal(law->n_parameters, set.P);
        check_solver(of, law, &set);
        for (int start = 0; start < 3; ++start) check_fit(of, law, &set, NULL, start);
        for (int start = 0; start < 3 && of->law; ++start) {
            check_fit(of, allometer_law_find(of->law), &set, of->signs, start);
        }
        allometer_law_free(law);
    }
    assert_int_equal(n_short, 0);
}

int main(void) {
    int n_files = 0;
    for (int i = 0; i < N_REFERENCES; ++i) {
        FILE *file = open_set(references[i].name);
        n_files += file != NULL;
        if (file) fclose(file);
    }
    if (n_files == 0) {
        printf(
            "skipped: no .dat file of NIST's Statistical Reference Datasets (nonlinear regression) in %s\n",
            folder());
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_certified_values)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
