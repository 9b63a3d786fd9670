/* The resource law of a whole sweep: all subtasks' losses and neurons at once, with a test of its two hypotheses.

   In model m, subtask i has N_im neurons and the loss l_im; N_m is the sum over i. In logarithms, with normal errors,
       log l_im = a_i - p_i log N_im + e_im             variance of its own for each subtask; H1: every p_i is 1
       log(N_im / N_1m) = s_i + d_i log N_m + u_im       any covariance among them, i > 1; H2: every d_i is 0, shares stay
   H1 and H2 together are the resource law (Song et al. 2024): each loss is c_i / N_m. */
#ifndef ALLOMETER_COMPOSITE_H
#define ALLOMETER_COMPOSITE_H

#include "fit.h"

struct composite_options {
    const char *neurons, *loss;                 /* columns beside `model` and `subtask` */
    const char *cluster;                        /* column whose values are resampled; NULL: models */
    const struct allometer_fit_filter *filters; /* a model of which a row does not pass is left out */
    size_t n_filters;
    int32_t bootstrap; /* resamples; 0: intervals from standard errors */
    double confidence;
    uint64_t seed;
};

struct composite_slope {
    double value, lower, upper;
};

/* Of one subtask. */
struct composite_subtask {
    double number;        /* of the column `subtask` */
    const char *function; /* of the column `function`, the table's; NULL: none, or not always the same */
    double factor;        /* exp(a_i) */
    struct composite_slope exponent; /* p_i */
    double share;                    /* of the neurons: the geometric mean over the models */
    struct composite_slope growth;   /* of log share against log N_m: 0 where the share stays */
};

/* One hypothesis, and what it costs against none. */
struct composite_hypothesis {
    const char *name, *meaning;
    int32_t n_parameters;
    double log_likelihood, aic, bic; /* Akaike's and Schwarz' criteria: the least is the best */
    /* ratio: twice what the logarithm of the likelihood loses against free exponents and shares. probability: of losing as much
       under the hypothesis. Of exponents by chi squared with `degrees` of freedom, after Bartlett's correction for few models;
       of shares by Hotelling's test, which is exact; of both by Fisher's combination of the two, which are independent.
       Where clusters are resampled, models of one are not independent, and slopes are tested against how much clusters
       move them, by Dempster's test. NaN for the free law itself. */
    double ratio, probability;
    int32_t degrees;
};

enum {
    COMPOSITE_FREE,
    COMPOSITE_ONE_EXPONENT,
    COMPOSITE_ONE,
    COMPOSITE_SHARES,
    COMPOSITE_RESOURCE,
    N_HYPOTHESES
};

struct composite {
    int32_t n_subtasks, n_models,
        n_left_out; /* K, M; left out: a row that does not pass, or is not above 0 */
    struct composite_subtask *subtasks;
    double common_exponent; /* of COMPOSITE_ONE_EXPONENT */
    struct composite_hypothesis hypotheses[N_HYPOTHESES];
};

/* BAD_INPUT: a column is not there, or fewer than K + 4 models have all they need. Freed by composite_free. */
enum allometer_code composite_fit(const struct allometer_table *table,
                                  const struct composite_options *options, struct composite *composite,
                                  struct allometer_error *error);
void composite_free(struct composite *composite);

#endif
