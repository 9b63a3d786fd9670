/* What the parts of an average of laws share. Letters beside F, N, P: G groups, C candidates. */
#ifndef ALLOMETER_FIT_AVERAGE_H
#define ALLOMETER_FIT_AVERAGE_H

#include "fit_internal.h"

/* Every group is fitted whole (span 0) and again without its end, each time up to another x. */
enum { N_CUTS = 3, N_SPANS = 1 + N_CUTS };

/* Degrees of freedom of Student's distribution, which has what is known of parameters before. */
#define AVERAGE_TAIL 4.0

/* A fitted point, or the error of a law there: log x, log y. */
struct average_point {
    double x, y;
    size_t row;
};

/* One law on every span of every group. Coordinates are the solver's. */
struct candidate {
    const struct allometer_law *law;
    struct fit_work work;
    size_t n_parameters; /* P */
    double *parameters;  /* G x N_SPANS x P: the most probable ones */
    int32_t *status;     /* G x N_SPANS */
    unsigned char *held; /* G x P: enum allometer_held, of the whole group's parameters */
    double *held_out;    /* G x N_CUTS: mean squared error of log y beyond the cut; NaN: there is none */
    double *covariance;  /* G x P x P, of the whole group's parameters */
    double *resampled; /* G x P x P: the same from resamples of points or clusters; NULL: none were wanted */
    int32_t *n_resamples; /* G: that reached a minimum */
    double *variance;     /* G: of the scatter of log y around the law, */
    double *degrees;      /* G: from so many degrees of freedom */
    double
        *evidence; /* G: the logarithm of the probability of the points under the law, but for a constant */
};

struct average {
    struct allometer_fits *fits; /* what is asked for */
    struct allometer_fits spans; /* group g * N_SPANS + s: span s of group g */
    struct fit_work work;        /* the points of all spans */
    int32_t *status;             /* G x N_SPANS: of points that cannot be fitted, or FIT_PENDING */
    struct fit_memory *memory;
    double *noise; /* G: standard deviation of log y between neighbors */
    double *share; /* G: what one point counts for beside others whose errors go with its own */
    double *
        drift; /* G: variance of log y by which the average errs beyond the points, over the squared distance there */
    double *mean_weight;    /* G: the user's weight of the points that the scatter is told for */
    double *x_low, *x_high; /* G: range of the points */
    double *alone; /* of each row of the spans: 1 over the points nearby in log x, itself among them */
    struct average_point *points; /* of one group at a time, */
    double *scratch;              /* and room for its rows x (1 + the most parameters) */
    size_t n_candidates;
    struct candidate candidates[ALLOMETER_MAX_CANDIDATES];
};

/* fit_average_scatter.c: of n points in order of x, how y scatters around what neighbors say. scratch: n. */
double average_noise(const struct average_point *points, size_t n, double *scratch);
/* Of the errors y of n points, of which n_used were used up for parameters: independent errors that tell as much as they
   do, over n: 1 / (1 + twice the sum of their autocorrelations, up to the first that is nothing). Orders them by x. */
double average_share(struct average_point *errors, size_t n, double n_used);
/* The same where errors go together within clusters: cluster u of U has the errors units[u] - units[0] to
   units[u + 1] - units[0] - 1. */
double average_cluster_share(const struct average_point *errors, const int64_t *units, size_t n_units);
/* How many points each of n in order of x has nearby, itself among them: those within a region of log x count for 1 less
   their distance over its width. */
void average_crowd(const struct average_point *points, size_t n, double *crowd);

/* fit_average_spans.c: makes room for all that is not a candidate's, and fills it but for share and drift. */
enum allometer_code average_make_spans(struct average *average, struct allometer_error *error);
/* fit_average_candidate.c: fits candidate c. */
enum allometer_code average_fit_candidate(struct average *average, size_t c, struct allometer_error *error);
/* fit_average_evidence.c: fills a group's share, by the residuals of the law that most speaks for were they independent, and
   then every candidate's evidence, covariance and variance. */
void average_judge_candidates(struct average *average, size_t g);
/* fit_average_predict.c: the average at n points, and where a new y would lie there (unless lower is NULL): one with the
   weight of its row of the table or, where there are no rows (NULL), with the mean weight. */
enum allometer_code average_predict(const struct average *average, size_t group, const double *x,
                                    const size_t *rows, size_t n, double *yhat, double *lower, double *upper,
                                    struct allometer_error *error);

#endif
