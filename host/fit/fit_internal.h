/* What the parts of a fit share. */
#ifndef ALLOMETER_FIT_INTERNAL_H
#define ALLOMETER_FIT_INTERNAL_H

#include "fit.h"

#include <math.h>

/* Memory that is freed all at once. */
struct fit_memory;
/* n zeroed elements; NULL when out of memory. */
void *fit_allocate(struct fit_memory **memory, size_t n, size_t size);
void fit_memory_free(struct fit_memory *memory);

/* The fitted points of all groups, pooled, group by group and unit by unit, as the solver reads them. */
struct fit_work {
    struct allometer_fits *fits;
    struct fit_memory *memory;
    int n_parameters, n_columns; /* P, C */
    size_t n_points, n_units;
    double *columns[ALLOMETER_MAX_LAW_COLUMNS], *target, *weight; /* n_points */
    int64_t *units;                                               /* n_units + 1 */
    size_t *point_rows;                                           /* n_points: index into the fits' rows */
    const double *row_weights;                                    /* of the table's rows; NULL: none */
    struct allometer_fit_set *sets;                               /* one for each group */
    double *lower, *upper;                              /* groups x P, in the solver's coordinates */
    double wanted[ALLOMETER_MAX_PARAMETERS];            /* P starts from the user; NaN: none */
    double *prior_mean, *prior_precision, *prior_reach; /* groups x P; NULL: none */
    int fewest_points;    /* of a group that is fitted; 0: as many as free parameters */
    int n_starts, n_kept; /* of each group, and how many go on after a few iterations, */
    int n_rounds;         /* or after so many rounds of them */
    int stay_coarse; /* 1: points that stand for all will do, where the law is smooth and the loss squared */
    const struct fit_work *fine; /* of all points, where these stand for them and will not do; else NULL */
};

enum { FIT_PENDING = -1 }; /* the status of a group that is yet to be fitted */

/* The first of a group's points in this work, and how many it has. */
static inline size_t fit_first_point(const struct fit_work *work, size_t group) {
    return (size_t)work->units[work->sets[group].first_unit];
}

static inline size_t fit_n_points(const struct fit_work *work, size_t group) {
    const struct allometer_fit_set *set = &work->sets[group];
    return (size_t)work->units[set->first_unit + set->n_units] - fit_first_point(work, group);
}

/* What a point counts for. */
static inline double fit_weight(const struct fit_work *work, size_t point) {
    return work->weight ? work->weight[point] : 1;
}

/* Whether the objective is made of logarithms of y, as the targets then are. */
static inline int fit_on_logs(const struct allometer_fits *fits) {
    return fits->options.objective != ALLOMETER_OBJECTIVE_MSE;
}

static inline double fit_within(double value, double lower, double upper) {
    return fmin(fmax(value, lower), upper);
}

/* fit_each_group.c: one job for each of the groups begin .. end - 1, in any order and on several threads. */
typedef enum allometer_code (*fit_group_job)(void *user, size_t group, struct allometer_error *error);
enum allometer_code fit_each_group(const struct allometer_fits *fits, size_t begin, size_t end,
                                   fit_group_job job, void *user, struct allometer_error *error);

/* fit_memory.c: arrays of the results, P parameters for each group, filled with NaN. */
enum allometer_code fit_allocate_results(struct allometer_fits *fits, size_t P,
                                         struct allometer_error *error);

/* fit_batch.c: a batch under construction, which has room for so many problems. fit_memory_free(batch.memory) frees it. */
struct fit_batch {
    struct fit_memory *memory;
    struct allometer_fitting fitting;
    struct allometer_fit_problem *problems;
    double *parameters; /* starts, then results */
};
enum allometer_code fit_batch_make(struct fit_batch *batch, const struct fit_work *work, size_t capacity,
                                   struct allometer_error *error);
void fit_batch_add(struct fit_batch *batch, const struct fit_work *work, size_t group, uint32_t resample,
                   const double *start);
enum allometer_code fit_batch_run(struct fit_batch *batch, const struct fit_work *work,
                                  struct allometer_error *error);
/* How many groups of so many problems each one batch takes: at least one. */
size_t fit_groups_per_batch(size_t problems, size_t P);
/* Whether a fit that ended so is at a minimum. */
int fit_is_minimum(int32_t status);

/* fit_coarse.c: how many groups that are yet to be fitted have so many points that their minimum is sought on few that
   stand for them. */
size_t fit_n_large(const struct fit_work *work);
/* Such points of the large groups; and the other groups as they are. In each, the sets of groups that are not its own are
   empty. */
enum allometer_code fit_coarsen(const struct fit_work *work, struct fit_work *coarse, struct fit_work *others,
                                struct fit_memory **memory, struct allometer_error *error);

/* fit_minima.c: finds the minimum of every group's cost, by default from all starts of the law. */
enum allometer_code fit_find_minima(struct fit_work *work, struct allometer_error *error);

/* fit_resample.c: bootstraps the groups begin .. end - 1 from their minima, and works out everything that is reported of
   them. */
enum allometer_code fit_describe_groups(struct fit_work *work, size_t begin, size_t end,
                                        struct allometer_error *error);
/* Bootstraps a group from its minimum: parameters has room for as many resamples as the options want, P each, and gets
   those of the n that reached a minimum. */
enum allometer_code fit_resample(const struct fit_work *work, size_t group, double *parameters, size_t *n,
                                 struct allometer_error *error);

/* fit_average.c: the whole fit of an average of laws. */
enum allometer_code fit_average(struct allometer_fits *fits, struct allometer_error *error);

/* fit_check.c: BAD_INPUT for what makes no sense whatever the table is. */
enum allometer_code fit_check_options(const struct allometer_fit_options *options,
                                      struct allometer_error *error);

/* fit_groups.c: which rows take part, and which group each belongs to. */
enum allometer_code fit_collect_rows(struct allometer_fits *fits, struct allometer_error *error);
/* Of the texts of the group columns. */
uint64_t fit_hash_key(const struct allometer_fits *fits, const char *const *texts);
/* fit_points.c: the points to be fitted; gives groups that cannot be their status. */
enum allometer_code fit_collect_points(struct fit_work *work, struct allometer_error *error);

/* fit_bounds.c: bounds of every group's parameters: first the user's, then what law and data say of the others. */
enum allometer_code fit_set_bounds(struct fit_work *work, struct allometer_error *error);
void fit_tighten_bounds(struct fit_work *work);
/* Breaks are alike but for their place: sorts those of a group's P coordinates by it, where their bounds are alike too. */
void fit_order_breaks(const struct fit_work *work, size_t group, double *parameters);
/* Parameter p in its own units; at a bound of the user's the very number that was given. */
double fit_parameter_value(const struct allometer_fits *fits, int p, double coordinate);

/* fit_starts.c: how many starts the law needs, and work->n_starts of them for a group: P coordinates each, within the
   bounds, at or near those that the user gave. scratch: fit_start_scratch doubles. */
int fit_n_starts(const struct fit_work *work);
/* How many of all starts go on after a few iterations, at most. */
int fit_n_kept(const struct fit_work *work);
/* How many more may follow, with the law's asymptote among the points, since noise leaves some below it. */
int fit_n_starts_of_noise(const struct fit_work *work);
size_t fit_start_scratch(const struct fit_work *work);
void fit_starts(const struct fit_work *work, size_t group, double *starts, double *scratch);

/* A sequence that fills the unit cube of d dimensions evenly (Roberts 2018: the additive recurrence of the generalized
   golden ratio, the root of r^(d + 1) = r + 1), and coordinate j of its point `index`. */
struct fit_sequence {
    double step[2 * ALLOMETER_MAX_PARAMETERS];
};
struct fit_sequence fit_sequence_of(int d);
double fit_sequence_draw(const struct fit_sequence *sequence, int index, int j);
/* Solves the m normal equations a s = b in place (s in b), slightly damped; parameters that nothing determines get 0. */
void fit_solve_normal(double *a, double *b, int m);

/* fit_formula.c: the same as fit_n_starts and fit_starts for formulas. */
int fit_formula_n_starts(const struct fit_work *work);
void fit_formula_starts(const struct fit_work *work, size_t group, double *starts);
/* As many starts around a group's minimum, of which the first is there. */
void fit_formula_starts_around(const struct fit_work *work, size_t group, double *starts);
/* Whether start 0 is exactly the user's, and all others need not be near it. */
int fit_first_start_is_own(const struct fit_work *work);

/* What is known of a group's minimum beside where it is. Coordinates are the solver's. */
struct fit_precision {
    int n_free;
    int free[ALLOMETER_MAX_PARAMETERS];          /* the parameters that no bound holds */
    double deviations[ALLOMETER_MAX_PARAMETERS]; /* n_free */
    /* n_free x n_free: of the covariance C, in C = root root'. What the law varies by is the length of root' d: d' C d would
       be rounding where parameters make up for each other. */
    double root[ALLOMETER_MAX_PARAMETERS * ALLOMETER_MAX_PARAMETERS];
    double scatter;     /* mean square of an error of y, or of log y, of weight 1 */
    double mean_weight; /* of the points */
    double degrees;     /* of freedom: points less free parameters */
    double *errors;     /* n_train: y - law or log y - log law, widened for the parameters that were fitted */
    const double *resamples; /* n_resamples x P: bootstrap minima */
    size_t n_resamples;
    double widening; /* of the resamples' spread: cluster_widening, or sqrt(points / degrees) */
};

/* fit_quantity.c: parses those of the options. BAD_INPUT, pointing at the character where the formula is wrong. */
enum allometer_code fit_parse_quantities(struct allometer_fits *fits, struct allometer_error *error);
/* A quantity's value at P parameters in their own units, and, unless NULL, its P derivatives by them. */
double fit_quantity(const struct allometer_fits *fits, size_t quantity, const double *values,
                    double *derivatives);
/* Values, errors and intervals of a group's quantities, its parameters being described; scratch: n_resamples. */
void fit_describe_quantities(const struct fit_work *work, size_t group, const struct fit_precision *precision,
                             double *scratch);
/* P + Q, and the name of number i of these. */
size_t fit_n_reported(const struct allometer_fits *fits);
const char *fit_reported_name(const struct allometer_fits *fits, size_t i);

/* fit_statistics.c: what holds parameter p of a group at t, in the solver's coordinates. */
enum allometer_held fit_what_holds(const struct fit_work *work, size_t group, int p, double t);
/* All that is reported of a group whose parameters are known. */
enum allometer_code fit_describe_group(struct fit_work *work, size_t group, const double *resamples, size_t n,
                                       struct allometer_error *error);
/* A number's standard error in its own units, and the bounds of its interval in the solver's coordinates: from its
   n_resamples, which get sorted, its estimate and what bounds it, these in the solver's coordinates too. */
struct fit_interval {
    double error, lower, upper;
};
struct fit_interval fit_interval_of_resamples(const struct fit_work *work, size_t group,
                                              const struct fit_precision *precision, double *values,
                                              double estimate, struct fit_interval bounds,
                                              enum allometer_role role);
/* Whether a row lacks what a fit needs of it. */
int fit_is_incomplete(const struct allometer_fits *fits, size_t row);
/* Root mean squared logarithmic error over the rows with that train mark; NaN where a logarithm does not exist. */
double fit_rmsle(const struct allometer_fits *fits, const struct allometer_fit_group *group, int train);
/* x of a group's curve, n_curve of them; 0 if its rows span nothing. */
int fit_curve_points(const struct allometer_fits *fits, const struct allometer_fit_group *group, double *x);
/* fit_precision.c: fills the above but for the resamples; errors: n_train doubles. UNDETERMINED as the status of a
   group whose points leave a parameter open. */
enum allometer_code fit_precision(struct fit_work *work, size_t group, struct fit_precision *precision,
                                  struct allometer_error *error);
/* fit_bands.c: the law at n points (columns as they are), and, unless lower is NULL, where a new y would lie there: of the
   weight that the table's row has, or, where rows is NULL, of the points' mean weight. */
enum allometer_code fit_bands(const struct fit_work *work, size_t group,
                              const struct fit_precision *precision, const double *const *columns,
                              const size_t *rows, size_t n, double *yhat, double *lower, double *upper,
                              struct allometer_error *error);

/* fit_groups.c: which of the table's rows pass all filters: 1, or 0. */
enum allometer_code fit_filter_rows(const struct allometer_table *table,
                                    const struct allometer_fit_filter *filters, size_t n_filters,
                                    unsigned char *passes, struct allometer_error *error);
enum picture { PICTURE_SVG, PICTURE_PNG, PICTURE_PDF };
/* fit_plot_script.c: what gnuplot draws a picture at that path from; in the C locale. The file tells of errors. */
void fit_plot_script(FILE *file, const struct allometer_fits *fits, const char *path, enum picture picture);
/* quantile.c: Student's t: the x below which a share p of the distribution with so many degrees of freedom lies; of the
   normal distribution, if infinitely many. */
double student_quantile(double p, double degrees);
/* The probability that Fisher's F of `of` and `degrees` degrees of freedom is above f (Abramowitz and Stegun 26.6.2). */
double fisher_above(double f, double of, double degrees);
/* How much farther from the estimate the bounds of an interval lie than the quantiles of its bootstrap, where n clusters
   are drawn: Student's distribution with n - 1 degrees of freedom takes the place of the normal one, and the variance, of
   which resamples show (n - 1)/n, is made whole (Hesterberg 2015, What teachers should know about the bootstrap: the
   expanded percentile interval; few clusters: Cameron, Gelbach and Miller 2008). NaN for n < 2. */
double cluster_widening(size_t n, double confidence);
/* A bound of an interval (side -1: lower, 1: upper) from a quantile of the resamples: so many times farther from the
   estimate, where it lies on its side of it, but not beyond what bounds the parameter. */
double widened_bound(double quantile, int side, double estimate, double widening, double bound);
/* The q-quantile of n sorted values, interpolated linearly between order statistics; NaN if n = 0. */
double sorted_quantile(const double *sorted, size_t n, double q);
/* How many of n sorted values are below the limit. */
size_t sorted_below(const double *sorted, size_t n, double limit);
void sort_doubles(double *values, size_t n);

#endif
