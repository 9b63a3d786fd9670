/* Cross entropies of networks that are sure: a loss of 1e-9 is what the own class leaves of 1, which single precision has no
   digits for. Losses, their derivatives, and what they rise by without a neuron, against long double. */
#include "ablation.h"
#include "mixed.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "compare.h"

enum { CLASSES = 3, VECTORS = 64, SAMPLES = VECTORS * LANES };

/* Of logits; with the derivatives by these, if asked for. */
static long double cross_entropy(const long double *logits, int own, double *derivatives) {
    long double rest = 0;
    for (int c = 0; c < CLASSES; ++c) rest += c == own ? 0 : expl(logits[c] - logits[own]);
    for (int c = 0; c < CLASSES && derivatives; ++c)
        derivatives[c] = (double)((c == own ? -rest : expl(logits[c] - logits[own])) / (1 + rest));
    return log1pl(rest);
}

/* Logits of which the own class' is ahead by up to `ahead`, or behind; in steps of 1/64, so that differences are exact. */
struct made {
    float logits[CLASSES * SAMPLES], target[SAMPLES], weight[SAMPLES];
    double losses[SAMPLES], derivatives[CLASSES * SAMPLES];
};

static struct made *make(double ahead) {
    struct made *made = calloc(1, sizeof *made);
    assert_non_null(made);
    for (int s = 0; s < SAMPLES; ++s) {
        const int own = s % CLASSES;
        long double logits[CLASSES];
        double derivatives[CLASSES];
        for (int c = 0; c < CLASSES; ++c) {
            const double lead = c == own ? ahead * drand48() : 0;
            logits[c] = floor(64 * (4 * drand48() + lead)) / 64;
            made->logits[c * SAMPLES + s] = (float)logits[c];
        }
        made->target[s] = (float)own;
        made->weight[s] = 1;
        made->losses[s] = (double)cross_entropy(logits, own, derivatives);
        for (int c = 0; c < CLASSES; ++c) made->derivatives[c * SAMPLES + s] = derivatives[c];
    }
    return made;
}

/* The kernel has put the derivatives in place of the logits. Within eight units in the last place: two exponentials and a
   logarithm of up to 1.5 each, sums and quotients of half a unit. */
static void check(const struct made *made, const float *losses) {
    double ours[SAMPLES], slopes[CLASSES * SAMPLES];
    for (int s = 0; s < SAMPLES; ++s) ours[s] = losses[s];
    for (int i = 0; i < CLASSES * SAMPLES; ++i) slopes[i] = made->logits[i];
    assert_doubles_close("loss", ours, made->losses, SAMPLES, 0, 1e-6);
    assert_doubles_close("derivative", slopes, made->derivatives, CLASSES * SAMPLES, 0, 1e-6);
}

static void losses_of_every_size_have_their_digits(void **state) {
    (void)state;
    const struct allometer_subtask subtask = {.loss = ALLOMETER_LOSS_CROSS_ENTROPY, .n_outputs = CLASSES};
    srand48(1);
    for (double ahead = -80; ahead <= 80; ahead += 16) {
        struct made *made = make(ahead);
        float losses[SAMPLES];
        struct batch batch = {
            .n = SAMPLES, .stride = SAMPLES, .output = made->logits, .target = made->target};
        FOR_LANES(s, SAMPLES) {
            vf correct;
            vf_store(losses + s, loss_at(&batch, &subtask, s, vf_set(1.0f), 1, &correct));
        }
        check(made, losses);
        free(made);
    }
}

static void so_do_those_of_mixed_samples(void **state) {
    (void)state;
    const struct allometer_model model = {.n_outputs = CLASSES};
    srand48(2);
    for (double ahead = -80; ahead <= 80; ahead += 16) {
        struct made *made = make(ahead);
        float losses[SAMPLES], right[SAMPLES], classes[SAMPLES];
        for (int s = 0; s < SAMPLES; ++s) classes[s] = CLASSES;
        const struct batch batch = {.n = SAMPLES,
                                    .stride = SAMPLES,
                                    .output = made->logits,
                                    .target = made->target,
                                    .weight = made->weight,
                                    .classes = classes,
                                    .loss = losses,
                                    .right = right};
        mixed_sample_losses(&model, &batch, 1.0f, 1);
        check(made, losses);
        free(made);
    }
}

/* Of one sample, the rise without a neuron that adds shift times parts to the logits. */
static double rise_without(float *logits, const float *parts, float shift, int own) {
    const struct allometer_subtask subtask = {.loss = ALLOMETER_LOSS_CROSS_ENTROPY, .n_outputs = CLASSES};
    float target = (float)own, v[CLASSES * LANES], rise[LANES];
    for (int i = 0; i < CLASSES * LANES; ++i) v[i] = parts[i / LANES];
    struct batch batch = {.n = 1, .stride = 1, .output = logits, .target = &target};
    vf_store(rise, ablation_rise(&batch, &subtask, 0, v, LANES, vf_set(shift)));
    return rise[0];
}

static long double expected_rise(const float *logits, const float *parts, float shift, int own) {
    long double with[CLASSES], without[CLASSES];
    for (int c = 0; c < CLASSES; ++c) {
        with[c] = (long double)logits[c];
        without[c] = with[c] - (long double)shift * (long double)parts[c];
    }
    return cross_entropy(without, own, NULL) - cross_entropy(with, own, NULL);
}

/* With logits as far apart as they come: exponentials of single precision overflow beyond 88. */
static void rises_of_far_logits(void **state) {
    (void)state;
    enum { TRIALS = 200 };
    static const float spreads[] = {1, 30, 150, 1000};
    srand48(3);
    for (size_t i = 0; i < sizeof spreads / sizeof *spreads; ++i) {
        double rises[TRIALS], expected[TRIALS];
        for (int trial = 0; trial < TRIALS; ++trial) {
            float logits[CLASSES], parts[CLASSES];
            const float shift = (float)(drand48() - 0.5);
            for (int c = 0; c < CLASSES; ++c) {
                logits[c] = spreads[i] * (float)(drand48() - 0.5);
                parts[c] = spreads[i] * (float)(drand48() - 0.5);
            }
            rises[trial] = rise_without(logits, parts, shift, trial % CLASSES);
            expected[trial] = (double)expected_rise(logits, parts, shift, trial % CLASSES);
        }
        /* logits and losses of that size are rounded */
        assert_doubles_close("rise", rises, expected, TRIALS, 1e-6 * (1 + spreads[i]), 0);
    }
}

/* Where the loss is next to nothing with and without the neuron, which makes it half as large at least. */
static void rises_of_small_losses(void **state) {
    (void)state;
    enum { TRIALS = 200 };
    double rises[TRIALS], expected[TRIALS];
    srand48(4);
    for (int trial = 0; trial < TRIALS; ++trial) {
        const int own = trial % CLASSES;
        float logits[CLASSES], parts[CLASSES];
        for (int c = 0; c < CLASSES; ++c) {
            logits[c] = (float)(c == own ? floor(64 * (10 + 50 * drand48())) / 64 : c);
            parts[c] = (float)(c == own ? floor(64 * (1 + 4 * drand48())) / 64 : 0);
        }
        rises[trial] = rise_without(logits, parts, 1, own);
        expected[trial] = (double)expected_rise(logits, parts, 1, own);
    }
    assert_doubles_close("rise", rises, expected, TRIALS, 0, 2e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_of_every_size_have_their_digits),
        cmocka_unit_test(so_do_those_of_mixed_samples),
        cmocka_unit_test(rises_of_far_logits),
        cmocka_unit_test(rises_of_small_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
