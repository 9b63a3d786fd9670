/* Fits of a law to every group of a table's rows: options in, one result per group and one per row out. */
#ifndef ALLOMETER_FIT_H
#define ALLOMETER_FIT_H

#include "backend.h"
#include "laws.h"
#include "table.h"

/* How a group ended: as its fit did (enum allometer_fit_status), or without one for what its points are. */
enum allometer_group_status {
    ALLOMETER_GROUP_UNDETERMINED = ALLOMETER_FIT_STATUS_COUNT, /* a minimum that the points do not pin down */
    ALLOMETER_GROUP_TOO_FEW_POINTS,                            /* fewer than free parameters */
    ALLOMETER_GROUP_X_CONSTANT,     /* an independent variable has one value only */
    ALLOMETER_GROUP_X_NOT_POSITIVE, /* and the law takes its logarithm */
    ALLOMETER_GROUP_Y_NOT_POSITIVE, /* and the objective takes its logarithm */
    ALLOMETER_GROUP_NOT_FINITE,     /* an infinite x, y or weight */
    ALLOMETER_GROUP_STATUS_COUNT
};
extern const char *const allometer_group_status_names[ALLOMETER_GROUP_STATUS_COUNT]; /* "converged", ... */
/* Whether the group has parameters, right or wrong. */
int allometer_group_has_values(int32_t status);

enum {
    ALLOMETER_MAX_GROUP_COLUMNS = 32,
    ALLOMETER_FEWEST_RESAMPLES = 20, /* that an interval comes from; of fewer, from standard errors */
};

/* Rows that take part: those whose cell compares so to value. Numbers where both are, else text (= and != only). */
enum allometer_comparison {
    ALLOMETER_EQUAL,
    ALLOMETER_NOT_EQUAL,
    ALLOMETER_LESS,
    ALLOMETER_LESS_OR_EQUAL,
    ALLOMETER_GREATER,
    ALLOMETER_GREATER_OR_EQUAL
};
struct allometer_fit_filter {
    const char *column, *value;
    enum allometer_comparison comparison;
};

/* What the user knows of a parameter, in its own units; NaN where nothing. low = high fixes it. */
struct allometer_fit_setting {
    const char *parameter;
    double start, low, high;
};

/* A number that follows from the law's parameters by a formula of their names: "beta/(alpha + beta)". */
struct allometer_fit_quantity {
    const char *name; /* letters, digits and _ */
    const char *formula;
};

/* law, x, y, confidence, backend and device must be given; delta for huber; all else may be 0. */
struct allometer_fit_options {
    const struct allometer_law *law; /* must outlive the fits */
    enum allometer_objective objective;
    double delta;                             /* of huber */
    const char *x[ALLOMETER_MAX_LAW_COLUMNS]; /* columns: as many as the law has independent variables */
    const char *y, *weight, *cluster;         /* columns; weight and cluster may be NULL */
    const char *train_column, *train_value;   /* rows that compare so to the value are fitted; NULL: all */
    enum allometer_comparison train_comparison;
    const char *const *groups; /* columns; rows alike in all of them are one group */
    size_t n_groups;
    const struct allometer_fit_filter *filters;
    size_t n_filters;
    const struct allometer_fit_setting *settings;
    size_t n_settings;
    const struct allometer_fit_quantity *quantities; /* not of an average of laws */
    size_t n_quantities;                             /* Q */
    int32_t bootstrap;                               /* resamples; 0: intervals from standard errors */
    double confidence;                               /* of all intervals: 0.95 */
    uint64_t seed;
    int32_t max_iterations; /* of one fit; 0 for the default */
    int32_t bands;          /* 1: work out where a new y would lie, for every row */
    int32_t keep_resamples; /* 1: keep the parameters of every resample, for allometer_fits_write_resamples */
    int32_t n_curve;        /* points of each group's curve for pictures; 0: none */
    const double *at;       /* points at which every group is predicted, C numbers each, as x has them; */
    int32_t n_at;           /* so many points, 0: none */
    /* n_at x C: 1 where `at` is not x, but so many times the largest x among the group's fitted rows; NULL: nowhere. */
    const unsigned char *at_is_factor;
    const struct allometer_backend *backend;
    struct allometer_device *device;
    int threads; /* of the CPU, for all but the fits; 0: as of a device */
};

/* What holds a parameter where it is, so that it has no standard error: one of its bounds, the user's or the law's own,
   or the user, who fixed it. */
enum allometer_held {
    ALLOMETER_HELD_NOT,
    ALLOMETER_HELD_LOWER,
    ALLOMETER_HELD_UPPER,
    ALLOMETER_HELD_FIXED,
    ALLOMETER_HELD_COUNT
};
extern const char *const allometer_held_names[ALLOMETER_HELD_COUNT]; /* "", "lower", "upper", "fixed" */

/* One group. Parameters are in their own units; arrays of P, those of results with the Q quantities behind. */
struct allometer_fit_group {
    const char **key;         /* the texts of the group columns */
    size_t first_row, n_rows; /* its rows, among the fits' */
    size_t n_train, n_test;   /* points that were fitted, and points with a y that were not */
    size_t n_units;           /* what resampling draws from: points, or clusters */
    int32_t status;           /* enum allometer_fit_status or allometer_group_status */
    int32_t iterations;
    int32_t n_resamples;                     /* bootstrap fits that reached a minimum */
    double objective;                        /* weighted mean of points: squared error, or Huber's loss */
    double rmsle_train, rmsle_test;          /* sqrt(mean((log yhat - log y)^2)), unweighted; NaN: none */
    double *values, *errors, *lower, *upper; /* P + Q. errors: standard errors, of the bootstrap where
                                                there is one; NaN where a bound holds the parameter */
    double *inner;                           /* P: the values in the solver's coordinates */
    unsigned char *held;                     /* P + Q: enum allometer_held; of a quantity only fixed */
    const struct allometer_law *law; /* whose parameters these are: of an average, the one that weighs most */
    double *weights; /* of the candidates of an average: n_candidates that add up to 1, or NaN */
};

struct allometer_fits {
    const struct allometer_table *table;
    const struct allometer_law *law; /* of the options: perhaps an average */
    struct allometer_fit_options options;
    struct allometer_law **quantities; /* Q formulas of the law's parameters */
    size_t n_groups, n_rows;
    struct allometer_fit_group *groups;
    /* One element for each row that takes part, group by group. */
    size_t *rows;                             /* of the table */
    double *x[ALLOMETER_MAX_LAW_COLUMNS], *y; /* y: NaN where missing */
    unsigned char *train;
    double *yhat, *lower, *upper; /* the law, and where a new y would lie with the given confidence */
    /* For pictures: the law and that interval along x of every group, options.n_curve each; laws of one variable only. */
    double *curve_x, *curve_y, *curve_lower, *curve_upper; /* groups x n_curve */
    /* The same at the points that the options name, groups x options.n_at each. */
    double *at_x[ALLOMETER_MAX_LAW_COLUMNS], *at_y, *at_lower, *at_upper;
    /* Of every resample, if they are kept: parameters in their own units, NaN where there are none, and how it ended. */
    double *resamples;         /* groups x options.bootstrap x P */
    int32_t *resample_status;  /* groups x options.bootstrap, as of groups */
    struct fit_memory *memory; /* what the above are kept in, but for groups and quantities */
};

/* Fits every group. BAD_INPUT: an option, column, parameter or filter that makes no sense. The table must outlive the fits, and
   so must what options point to. */
enum allometer_code allometer_fit(const struct allometer_table *table,
                                  const struct allometer_fit_options *options, struct allometer_fits **fits,
                                  struct allometer_error *error);
void allometer_fits_free(struct allometer_fits *fits);

/* Results: a table for reading, fits.csv, predictions.csv (formats: the manual) and JSON. BAD_INPUT: a path that cannot be
   written; FAILED on output errors. */
enum allometer_code allometer_fits_print(const struct allometer_fits *fits, FILE *file,
                                         struct allometer_error *error);
enum allometer_code allometer_fits_write_json(const struct allometer_fits *fits, FILE *file,
                                              struct allometer_error *error);
enum allometer_code allometer_fits_write_csv(const struct allometer_fits *fits, const char *path,
                                             struct allometer_error *error);
enum allometer_code allometer_fits_write_predictions(const struct allometer_fits *fits, const char *path,
                                                     struct allometer_error *error);
/* One row for each group and each of its resamples: the group's columns, resample, status, parameters. BAD_INPUT if
   they were not kept. */
enum allometer_code allometer_fits_write_resamples(const struct allometer_fits *fits, const char *path,
                                                   struct allometer_error *error);
/* Draws every group, of more than 100 the first, with its points, law and interval through gnuplot: to PDF or PNG where the
   path ends so, else to SVG. keep: the script, with the data in it, stays beside the picture as PATH.gp. */
enum allometer_code allometer_fits_plot(const struct allometer_fits *fits, const char *path, int keep,
                                        struct allometer_error *error);

#endif
