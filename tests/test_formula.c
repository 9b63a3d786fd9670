/* Formulas: what the parser reads and where it points, every instruction's value and slopes. */
#include "formula.h"
#include "formula_nodes.h"
#include "formula_parse.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compare.h"
#include "draws.h"

enum { TRIALS = 100 };

static const char *const xy[] = {"x", "Model Size"};

static struct allometer_law *parse(const char *text, int n_columns) {
    struct allometer_law *law;
    struct allometer_error error = {0};
    if (allometer_law_parse(text, xy, n_columns, &law, &error) != ALLOMETER_OK) fail_msg("%s", error.message);
    return law;
}

/* ---- instructions ---- */

/* Each function once more, by the C library, and from where to where its operands are drawn. */
struct oracle {
    const char *call; /* of p, q */
    double low, high;
};
#define ORACLES(ROW)                                               \
    ROW(add, "p + q*x", -3, 3, a + b)                              \
    ROW(subtract, "p - q*x", -3, 3, a - b)                         \
    ROW(multiply, "p*(q*x)", -3, 3, a *b)                          \
    ROW(divide, "p/(q*x)", 0.2, 3, a / b)                          \
    ROW(power, "(p + 0*x)^q", 0.2, 3, pow(a, b))                   \
    ROW(whole_power, "p^-3*x + 0*q", -3, -0.3, 1 / (a * a * a))    \
    ROW(negate, "-(p*x) + 0*q", -3, 3, -a)                         \
    ROW(exp, "exp(p*x) + 0*q", -3, 3, exp(a))                      \
    ROW(expm1, "expm1(p*x) + 0*q", -3, 3, expm1(a))                \
    ROW(log, "log(p*x) + 0*q", 0.2, 3, log(a))                     \
    ROW(log2, "log2(p*x) + 0*q", 0.2, 3, log2(a))                  \
    ROW(log10, "log10(p*x) + 0*q", 0.2, 3, log10(a))               \
    ROW(log1p, "log1p(p*x) + 0*q", -0.8, 3, log1p(a))              \
    ROW(sqrt, "sqrt(p*x) + 0*q", 0.2, 3, sqrt(a))                  \
    ROW(abs, "abs(p*x) + 0*q", -3, -0.2, fabs(a))                  \
    ROW(tanh, "tanh(p*x) + 0*q", -3, 3, tanh(a))                   \
    ROW(sin, "sin(p*x) + 0*q", -9, 9, sin(a))                      \
    ROW(cos, "cos(p*x) + 0*q", -9, 9, cos(a))                      \
    ROW(atan, "atan(p*x) + 0*q", -3, 3, atan(a))                   \
    ROW(erf, "erf(p*x) + 0*q", -2, 2, erf(a))                      \
    ROW(softplus, "softplus(p*x) + 0*q", -9, 9, log1p(exp(a)))     \
    ROW(logistic, "logistic(p*x) + 0*q", -9, 9, 1 / (1 + exp(-a))) \
    ROW(min, "min(p*x, q)", -3, 3, fmin(a, b))                     \
    ROW(max, "max(p*x, q)", -3, 3, fmax(a, b))

static const struct oracle oracles[ALLOMETER_OPERATION_COUNT] = {
#define ROW(name, call, low, high, value) [ALLOMETER_OPERATION_##name] = {call, low, high},
    ORACLES(ROW)
#undef ROW
};

static double by_library(int operation, double a, double b) {
    (void)b;
    switch (operation) {
#define ROW(name, call, low, high, value) \
    case ALLOMETER_OPERATION_##name:      \
        return value;
        ORACLES(ROW)
#undef ROW
    default:
        return NAN;
    }
}

/* Values against the C library, slopes against five-point differences of it: h^4 f'''''/30 and 1e-16 f/h stay below
   1e-9. The operands of whole_power come as p and -3. */
static void test_instructions(void **state) {
    (void)state;
    for (int operation = 0; operation < ALLOMETER_OPERATION_COUNT; ++operation) {
        double actual[3 * TRIALS], expected[3 * TRIALS], h = 1e-3;
        assert_non_null(oracles[operation].call); /* every instruction has an oracle */
        for (int i = 0; i < TRIALS; ++i) {
            double a = uniform(oracles[operation].low, oracles[operation].high);
            double b = uniform(oracles[operation].low, oracles[operation].high);
            if (fabs(a - b) < 0.01) b += 0.1; /* the kink of min and max */
            if (operation == ALLOMETER_OPERATION_whole_power) b = -3;
            vd da, db, y = formula_step(operation, vd_set(a), vd_set(b), &da, &db);
            actual[3 * i] = vd_get(&y, 0), expected[3 * i] = by_library(operation, a, b);
            actual[3 * i + 1] = vd_get(&da, 0), actual[3 * i + 2] = vd_get(&db, 0);
            for (int k = 0; k < 2; ++k) {
#define AT(steps) by_library(operation, a + (k ? 0 : (steps)*h), b + (k ? (steps)*h : 0))
                expected[3 * i + 1 + k] = (AT(-2) - 8 * AT(-1) + 8 * AT(1) - AT(2)) / (12 * h);
#undef AT
            }
        }
        assert_doubles_close(oracles[operation].call, actual, expected, 3 * TRIALS, 1e-10, 1e-8);
    }
}

/* The same through the parser: value at x = 1, and the derivatives of whole formulas, in which parameters stand several
   times, by the solver's coordinates. */
static void check_formula(const char *text, double low, double high, int operation) {
    struct allometer_law *law = parse(text, 1);
    int P = law->n_parameters;
    double h = 1e-3, actual[TRIALS * ALLOMETER_MAX_PARAMETERS], expected[TRIALS * ALLOMETER_MAX_PARAMETERS];
    for (int i = 0; i < TRIALS; ++i) {
        double own[ALLOMETER_MAX_PARAMETERS] = {0}, t[ALLOMETER_MAX_PARAMETERS], x = 1, value;
        const double *columns[] = {&x};
        for (int p = 0; p < P; ++p) own[p] = uniform(low, high);
        if (P > 1 && fabs(own[0] - own[1]) < 0.01) own[1] += 0.1;
        for (int p = 0; p < P; ++p) t[p] = allometer_role_inner(law->parameters[p].role, own[p]);
        allometer_law_evaluate(law, t, columns, 1, &value, &actual[i * P]);
        if (operation >= 0) assert_close(text, value, by_library(operation, own[0], own[1]), 1e-15, 3e-15);
        for (int p = 0; p < P; ++p) {
            static const double steps[] = {-2, -1, 1, 2}, weights[] = {1, -8, 8, -1};
            double at = t[p];
            expected[i * P + p] = 0;
            for (int k = 0; k < 4; ++k) {
                double y;
                t[p] = at + steps[k] * h;
                allometer_law_evaluate(law, t, columns, 1, &y, NULL);
                expected[i * P + p] += weights[k] * y / (12 * h);
            }
            t[p] = at;
        }
    }
    assert_doubles_close(text, actual, expected, (size_t)(TRIALS * P), 1e-9, 1e-8);
    allometer_law_free(law);
}

static void test_whole_formulas(void **state) {
    (void)state;
    static const char *const formulas[] = {
        "b1*b2*x/(1 + b2*x)",
        "(a + x)^(-1/b)*c",
        "a - atan(b/(x - c - 9))/pi",
        "exp(-a*x)*(a + b^2)/(b + c*x)",
        "softplus(a*b - c*x)",
        "a^x + b**(a/x)",
        "-x^2*a - -b",
        "tanh(a)*sin(a*b)*log(a + b + x)",
    };
    for (int operation = 0; operation < ALLOMETER_OPERATION_COUNT; ++operation) {
        check_formula(oracles[operation].call, oracles[operation].low, oracles[operation].high, operation);
    }
    for (size_t i = 0; i < sizeof formulas / sizeof *formulas; ++i) check_formula(formulas[i], 0.3, 2, -1);
}

/* In the parameters that are marked, of as many as there can be, a formula's second differences are 0. */
static void test_linear_parameters(void **state) {
    (void)state;
    static const struct {
        const char *formula;
        int n_linear;
    } cases[] = {{"a*b*x", 1},       {"a/b + c*x", 2},          {"a + b*x^-c", 2},   {"(a + b*x)/(c + x)", 2},
                 {"x/(a + b*x)", 0}, {"a*(b + x) - c/x", 2},    {"-(a - x)*2/x", 1}, {"a + b*max(c, x)", 2},
                 {"exp(a*x)", 0},    {"(a*x + b)*(c*x + 1)", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct allometer_law *law = parse(cases[i].formula, 1);
        unsigned char candidate[ALLOMETER_MAX_PARAMETERS], linear[ALLOMETER_MAX_PARAMETERS];
        int P = law->n_parameters, n = 0;
        memset(candidate, 1, sizeof candidate);
        formula_linear(law->program, candidate, linear);
        for (int p = 0; p < P; ++p) n += linear[p];
        assert_int_equal(n, cases[i].n_linear);
        for (int trial = 0; trial < TRIALS; ++trial) {
            double x = uniform(1, 2), y[3], t[3][ALLOMETER_MAX_PARAMETERS];
            const double *columns[] = {&x};
            for (int p = 0; p < P; ++p) {
                double change = linear[p] ? uniform(-0.5, 0.5) : 0;
                t[1][p] = uniform(1, 2), t[0][p] = t[1][p] - change, t[2][p] = t[1][p] + change;
            }
            for (int k = 0; k < 3; ++k) allometer_law_evaluate(law, t[k], columns, 1, &y[k], NULL);
            assert_close(cases[i].formula, y[0] + y[2], 2 * y[1], 1e-12, 1e-13);
        }
        allometer_law_free(law);
    }
}

/* At the borders of what has a value. */
static void test_borders(void **state) {
    (void)state;
    static const struct {
        int operation;
        double a, b, y, da, db;
    } cases[] = {
        {ALLOMETER_OPERATION_power, 0, 2, 0, 0, 0},
        {ALLOMETER_OPERATION_power, 0, 1, 0, 1, 0},
        {ALLOMETER_OPERATION_power, 0, 0, 1, 0, -INFINITY},
        {ALLOMETER_OPERATION_whole_power, 0, 2, 0, 0, 0},
        {ALLOMETER_OPERATION_whole_power, 0, 0, 1, 0, 0},
        {ALLOMETER_OPERATION_whole_power, -2, 5, -32, 80, 0},
        {ALLOMETER_OPERATION_expm1, 1e-20, 0, 1e-20, 1, 0},
        {ALLOMETER_OPERATION_expm1, -800, 0, -1, 0, 0},
        {ALLOMETER_OPERATION_expm1, 800, 0, INFINITY, INFINITY, 0},
        {ALLOMETER_OPERATION_log1p, 1e-20, 0, 1e-20, 1, 0},
        {ALLOMETER_OPERATION_log1p, -1, 0, -INFINITY, INFINITY, 0},
        {ALLOMETER_OPERATION_log1p, INFINITY, 0, INFINITY, 0, 0},
        {ALLOMETER_OPERATION_softplus, 800, 800, 800, 1, 0},
        {ALLOMETER_OPERATION_softplus, -800, -800, 0, 0, 0},
        {ALLOMETER_OPERATION_logistic, 800, 800, 1, 0, 0},
        {ALLOMETER_OPERATION_logistic, -800, -800, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        vd da, db, y = formula_step(cases[i].operation, vd_set(cases[i].a), vd_set(cases[i].b), &da, &db);
        assert_true(vd_get(&y, 0) == cases[i].y);
        assert_true(vd_get(&da, 0) == cases[i].da);
        assert_true(vd_get(&db, 0) == cases[i].db);
    }
    vd da, db, y = formula_step(ALLOMETER_OPERATION_power, vd_set(-1), vd_set(0.3), &da, &db);
    assert_true(isnan(vd_get(&y, 0)));
    for (int operation = ALLOMETER_OPERATION_min; operation <= ALLOMETER_OPERATION_max; ++operation) {
        for (int first = 0; first < 2; ++first) {
            y = formula_step(operation, vd_set(first ? NAN : 2), vd_set(first ? 2 : NAN), &da, &db);
            assert_true(isnan(vd_get(&y, 0)));
        }
    }
}

/* A formula of x at n points, and its derivatives, in the tape; where its values are. */
static const vd *run(const struct allometer_program *program, const vd *t, const vd *x, int n,
                     struct formula_tape *tape) {
    vd *column = formula_begin(program, t, n, tape);
    for (int i = 0; i < n; ++i) column[i] = x[i];
    const vd *y = formula_forward(program, n, tape);
    formula_backward(program, n, tape);
    return y;
}

/* Points that go through a program together: as each alone, bit for bit, however many a tape holds. */
static void test_points_together(void **state) {
    (void)state;
    static const char *const formulas[] = {
        "a*x", "a + b*x^-c", "a*softplus((log(x) - d)/f)^1.5 + min(x, d)*2/(1 + x^2)",
        "(a*x + b)*(c*x + d)*(f*x + g)/(1 + (h*x)^2)/(2 + (k*x)^2)/(3 + tanh(l*x))^m + atan(p*x) - erf(q)"};
    for (size_t i = 0; i < sizeof formulas / sizeof *formulas; ++i) {
        struct allometer_law *law = parse(formulas[i], 1);
        const int most = formula_most_points(law->program);
        vd t[ALLOMETER_MAX_PARAMETERS], x[FORMULA_TAPE];
        assert_true(most >= 2);
        for (int p = 0; p < law->n_parameters; ++p) t[p] = vd_set(0.5 + 0.1 * p);
        for (int k = 0; k < most; ++k) x[k] = vd_set(1 + 0.3 * k);
        for (int n = 1; n <= most; n += n < 9 ? 1 : 37) {
            struct formula_tape together, alone;
            const vd *values = run(law->program, t, x, n, &together);
            for (int k = 0; k < n; ++k) {
                const vd *value = run(law->program, t, x + k, 1, &alone);
                assert_memory_equal(&values[k], value, sizeof *value);
                for (int p = 0; p < law->n_parameters; ++p)
                    assert_memory_equal(&together.pull[p * n + k], &alone.pull[p], sizeof(vd));
            }
        }
        allometer_law_free(law);
    }
}

/* Where x is 0 such formulas are what they are whatever c and b, though a root has no finite slope there. */
static void test_slopes_at_zero(void **state) {
    (void)state;
    static const char *const formulas[] = {"2/(1 + (x/c)^b)", "(c*x)^b", "sqrt(b*c*x)",
                                           "2 + sqrt(x/(b + c))"};
    for (size_t i = 0; i < sizeof formulas / sizeof *formulas; ++i) {
        struct allometer_law *law = parse(formulas[i], 1);
        double t[2], x = 0, value, slopes[2];
        const double *columns[] = {&x};
        for (int p = 0; p < 2; ++p) t[p] = allometer_role_inner(law->parameters[p].role, 0.5);
        allometer_law_evaluate(law, t, columns, 1, &value, slopes);
        for (int p = 0; p < 2; ++p) assert_close(formulas[i], slopes[p], 0, 0, 0);
        allometer_law_free(law);
    }
}

/* ---- the parser ---- */

static double value_of(const char *text, double a, double x) {
    struct allometer_law *law = parse(text, 1);
    assert_int_equal(law->n_parameters, 1);
    double t = allometer_role_inner(law->parameters[0].role, a), value;
    const double *columns[] = {&x};
    allometer_law_evaluate(law, &t, columns, 1, &value, NULL);
    allometer_law_free(law);
    return value;
}

static void test_grammar(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value; /* at a = 3, x = 2 */
    } cases[] = {
        {"-x^2*a", -12},        {"a*2^3^x", 1536}, /* 3 * 2^(3^2) */
        {"a*x^-x", 0.75},       {"a - x - 1", 0},
        {"a/x/2", 0.75},        {"a-(x-1)", 2},
        {"--a*x", 6},           {"a*+x", 6},
        {"a*-x", -6},           {"2*a**2*x", 36},
        {" a\t*\nx ", 6},       {"a*x*1e-2*.5e1*5.", 1.5},
        {"ln(e^a)*x", 6},       {"a*cos(pi*x)", 3},
        {"pow(a, x)", 9},       {"max(a, x) + min(a, x)", 5},
        {"a*x^0.5*x^0.5", 6},   {"a*((((x))))", 6},
        {"(-x)^3*a", -24},      {"sigmoid(0*a*x)", 0.5},
        {"a^x^0", 3},           {"exp(log(a)*x)", 9},
        {"log10(100)*a*x", 12}, {"1/a^-x", 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        assert_close(cases[i].text, value_of(cases[i].text, 3, 2), cases[i].value, 1e-15, 1e-14);
    }
}

/* Of several columns, a formula that is one of them. */
static void test_column_alone(void **state) {
    (void)state;
    static const char *const names[] = {"x", "y"};
    const double x = 2, y = 3, *columns[] = {&x, &y};
    for (int c = 0; c < 2; ++c) {
        struct allometer_law *law;
        double value;
        assert_int_equal(allometer_law_parse_columns(names[c], names, 2, &law, NULL), ALLOMETER_OK);
        allometer_law_evaluate(law, NULL, columns, 1, &value, NULL);
        assert_close(names[c], value, *columns[c], 0, 0);
        allometer_law_free(law);
    }
}

static void test_names(void **state) {
    (void)state;
    struct allometer_law *law = parse("E + A/`Model Size`^α + B_2/x^β + 0*A", 2);
    static const char *const names[] = {"E", "A", "α", "B_2", "β"};
    assert_int_equal(law->n_parameters, 5);
    assert_int_equal(law->n_columns, 2);
    for (int p = 0; p < 5; ++p) assert_string_equal(law->parameters[p].name, names[p]);
    allometer_law_free(law);
    law = parse("((a/x)^b + c/x)^b + log(d*x) + sqrt(2/f)",
                1); /* bases and arguments of logarithms are positive */
    static const enum allometer_role roles[] = {ALLOMETER_ROLE_POSITIVE, ALLOMETER_ROLE_ANY,
                                                ALLOMETER_ROLE_ANY, ALLOMETER_ROLE_POSITIVE,
                                                ALLOMETER_ROLE_POSITIVE};
    for (int p = 0; p < 5; ++p) assert_int_equal(law->parameters[p].role, roles[p]);
    allometer_law_free(law);
}

/* Every function and constant can be read, and the manual names it. */
static void test_words(void **state) {
    (void)state;
    static char manual[200000];
    FILE *file = fopen(SOURCE_DIR "/man/allometer.1", "r");
    assert_non_null(file);
    manual[fread(manual, 1, sizeof manual - 1, file)] = 0;
    fclose(file);
    const char *section = strstr(manual, ".SH FORMULAS"), *word;
    assert_non_null(section);
    int n = 0;
    for (; (word = allometer_formula_word(n)); ++n) {
        const char *at = strstr(section, "Functions:"), *end = strstr(section, "Derivatives");
        size_t length = strlen(word);
        for (; at && at < end; at = strstr(at + 1, word)) {
            if (strncmp(at, word, length) == 0 && strchr(" \n", at[-1]) && strchr(" ,.\n", at[length])) break;
        }
        if (!at || at >= end) fail_msg("the manual does not know %s", word);
    }
    assert_int_equal(n, 23); /* 17 instructions, 4 other names for some, pi and e */
}

/* The message's words, and the place under which the mark stands: counted in characters. */
static void expect_error(const char *text, int place, const char *words) {
    struct allometer_law *law;
    struct allometer_error error = {0};
    assert_int_equal(allometer_law_parse(text, xy, 1, &law, &error), ALLOMETER_BAD_INPUT);
    assert_null(law);
    if (!strstr(error.message, words)) fail_msg("%s: expected '%s' in: %s", text, words, error.message);
    const char *mark = strrchr(error.message, '\n');
    if (place < 0) return;
    assert_non_null(mark);
    if ((int)(strlen(mark) - 4) != place)
        fail_msg("%s: expected the mark at %d: %s", text, place, error.message);
}

static void test_errors_point(void **state) {
    (void)state;
    expect_error("", 0, "expected a number, a name or '('");
    expect_error("a + b*", 6, "at the end");
    expect_error("a + * b", 4, "expected a number, a name or '('");
    expect_error("2x*a", 1, "a product is written 2*x");
    expect_error("a x", 2, "a product is written with *");
    expect_error("a*(x + 1) b", 10, "a product is written with *");
    expect_error("b(x)*a", 0, "a product is written with *");
    expect_error("a*log(x b)", 8, "a product is written with *");
    expect_error("a*lgo(x)", 2, "did you mean 'log'?");
    expect_error("a*foo(x)", 2, "no such function; a product is written with *");
    expect_error("a*log x", 6, "expected '(': log is a function");
    expect_error("a*min(x)", 7, "min takes 2 arguments");
    expect_error("a*log(x, 2)", 7, "log takes 1 argument");
    expect_error("(a*x", 0, "never closed");
    expect_error("a*x)", 3, "never opened");
    expect_error("y = a*x", 2, "what stands before '=' is --y");
    expect_error("αβ*x + $", 7, "expected a number");
    expect_error("a*x # 2", 4, "expected an operator");
    expect_error("a*x.rate^-b", 3, "a name with a dot stands in `backquotes`");
    expect_error("a*1.5.2*x", 5, "expected an operator");
    expect_error("a*1e999*x", 2, "expected a number");
    expect_error("a*`Model", 2, "expected a second `");
    expect_error("a*`Model Size`", 3, "none of them");
    expect_error("a−b*x", 1, "no letter of a name");
    expect_error("a + βb·x", 6, "no letter of a name");
    expect_error("a×(x + 1)", 1, "no letter of a name");
    expect_error("b*x + a*x⁴", 9, "no letter of a name");
    expect_error("a*x + b\u00a0*x", 7, "no letter of a name");
    expect_error("2*x", 0, "nothing to fit");
    expect_error("a + b", -1, "does not contain the column 'x'");
}

static void test_limits(void **state) {
    (void)state;
    char text[5000] = "x", *end = text + 1;
    for (int p = 0; p < ALLOMETER_MAX_PARAMETERS; ++p) end += sprintf(end, " + p%d*x", p);
    allometer_law_free(parse(text, 1));
    strcpy(end, " + q");
    expect_error(text, -1, "more than 21 parameters");
    memset(text, '(', 200), strcpy(text + 200, "a*x");
    expect_error(text, -1, "nested too deeply");
    memset(text, '-', 200), strcpy(text + 200, "a*x");
    expect_error(text, -1, "nested too deeply");
    end = text + sprintf(text, "a*x");
    for (int i = 0; i < 300; ++i) end += sprintf(end, "+%d", i);
    expect_error(text, -1, "too long");
    memset(text, 'a', sizeof text - 1);
    text[4999] = 0;
    expect_error(text, -1, "more than 4000 bytes");
    text[100] = 0;
    expect_error(text, -1, "a name of more than 63 bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instructions),    cmocka_unit_test(test_whole_formulas),
        cmocka_unit_test(test_borders),         cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_column_alone),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_words),           cmocka_unit_test(test_errors_point),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_slopes_at_zero),
        cmocka_unit_test(test_points_together), cmocka_unit_test(test_linear_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
