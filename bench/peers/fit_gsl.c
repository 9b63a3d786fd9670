/* GSL's Levenberg-Marquardt (gsl_multifit_nlinear, as its manual's example has it) on the problems of a case, with exact
   derivatives and one workspace for all fits. Usage: fit_gsl CASE; prepares itself, then fits once for every line on its
   standard input and answers each with a line of JSON, as the other peers do. */
#include "fit_problems.h"

#include "bench.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <math.h>
#include <string.h>

enum { FITS = FIT_PROBLEMS_FOR_PEERS };

struct curve {
    const double *x, *target; /* log x and log y */
    int breaks;
};

/* log y of the law bnsl with so many breaks, and its derivatives by the parameters (P) where they are asked for: as a user
   would write it. */
static double log_y(const struct curve *curve, const gsl_vector *t, double x, double *derivatives) {
    double exponent = gsl_vector_get(t, 1) - gsl_vector_get(t, 2) * x;
    for (int i = 0; i < curve->breaks; ++i) {
        size_t at = 3 + 3 * (size_t)i;
        double change = gsl_vector_get(t, at), width = exp(gsl_vector_get(t, at + 2));
        double u = (x - gsl_vector_get(t, at + 1)) / width;
        double softplus = u > 0 ? u + log1p(exp(-u)) : log1p(exp(u));
        exponent -= change * width * softplus;
        if (!derivatives) continue;
        double sigmoid = 1 / (1 + exp(-u));
        derivatives[at] = -width * softplus;
        derivatives[at + 1] = change * sigmoid;
        derivatives[at + 2] = -change * width * (softplus - sigmoid * u);
    }
    double power = exp(exponent), y = gsl_vector_get(t, 0) + power;
    if (derivatives) {
        derivatives[0] = 1 / y, derivatives[1] = power / y, derivatives[2] = -x * power / y;
        for (size_t p = 3; p < t->size; ++p) derivatives[p] *= power / y;
    }
    return log(y);
}

static int residuals(const gsl_vector *t, void *user, gsl_vector *f) {
    const struct curve *curve = user;
    for (size_t i = 0; i < f->size; ++i)
        gsl_vector_set(f, i, log_y(curve, t, curve->x[i], NULL) - curve->target[i]);
    return GSL_SUCCESS;
}

static int jacobian(const gsl_vector *t, void *user, gsl_matrix *J) {
    const struct curve *curve = user;
    double derivatives[ALLOMETER_MAX_PARAMETERS];
    for (size_t i = 0; i < J->size1; ++i) {
        log_y(curve, t, curve->x[i], derivatives);
        for (size_t p = 0; p < t->size; ++p) gsl_matrix_set(J, i, p, derivatives[p]);
    }
    return GSL_SUCCESS;
}

/* Fits each problem once; its cost, infinite where the fit failed. */
static void fit_all(const struct fit_problems *problems, size_t n_points, size_t n_parameters, int breaks,
                    gsl_multifit_nlinear_workspace *w, double *costs) {
    for (size_t f = 0; f < FITS; ++f) {
        struct curve curve = {problems->columns[0] + f * n_points, problems->target + f * n_points, breaks};
        gsl_multifit_nlinear_fdf fdf = {
            .f = residuals, .df = jacobian, .n = n_points, .p = n_parameters, .params = &curve};
        gsl_vector_view first = gsl_vector_view_array(problems->starts + f * n_parameters, n_parameters);
        int info, code = gsl_multifit_nlinear_init(&first.vector, &fdf, w);
        if (code == GSL_SUCCESS)
            code = gsl_multifit_nlinear_driver(1000, 1e-8, 1e-8, 1e-8, NULL, NULL, &info, w);
        const gsl_vector *r = gsl_multifit_nlinear_residual(w);
        costs[f] = HUGE_VAL;
        if (code == GSL_SUCCESS || code == GSL_ENOPROG) gsl_blas_ddot(r, r, &costs[f]);
    }
}

static void answer(const struct fit_problems *problems, size_t n_points, size_t n_parameters, int breaks) {
    gsl_multifit_nlinear_parameters parameters = gsl_multifit_nlinear_default_parameters();
    parameters.solver = gsl_multifit_nlinear_solver_cholesky; /* the fastest for few parameters */
    double costs[FITS], start = bench_now(), taken = 0;
    int passes = 0;
    gsl_multifit_nlinear_workspace *w =
        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &parameters, n_points, n_parameters);
    if (!w) bench_quit("out of memory");
    for (; taken < BENCH_SECONDS; taken = bench_now() - start, ++passes)
        fit_all(problems, n_points, n_parameters, breaks, w, costs);
    printf("{\"seconds\": %.9g, \"note\": \"\", \"costs\": [", taken / passes);
    for (size_t f = 0; f < FITS; ++f) {
        if (isfinite(costs[f]))
            printf("%s%.17g", f ? ", " : "", costs[f]);
        else
            printf("%sInfinity", f ? ", " : "");
    }
    printf("]}\n");
    fflush(stdout);
    gsl_multifit_nlinear_free(w);
}

int main(int argc, char **argv) {
    char name[32], line[64];
    int n_points, breaks = 0;
    const struct allometer_law *law;
    struct fit_problems problems;
    if (argc != 2 || sscanf(argv[1], "fit %31s n%d", name, &n_points) != 2
        || !(law = allometer_law_find(name))
        || (strcmp(name, "power-offset") != 0 && sscanf(name, "bnsl-%d", &breaks) != 1)) {
        bench_quit("usage: fit_gsl 'fit power-offset n20' or 'fit bnsl-1 n50'");
    }
    if (!fit_problems_make(&problems, law, n_points, FITS)) bench_quit("out of memory");
    gsl_set_error_handler_off();
    printf("{\"ready\": true}\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        answer(&problems, (size_t)n_points, (size_t)law->n_parameters, breaks);
    fit_problems_free(&problems);
    return 0;
}
