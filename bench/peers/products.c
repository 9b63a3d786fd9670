/* Products of a deep model's hidden layers, ours and OpenBLAS's on the same numbers, turn by turn on one thread, as each of
   many models has one: multiply-adds per second, and the ratio. Usage: products [H [S]]. */
#include "products.h"

#include "bench.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROW(set) extern const struct products products_##set;
ALLOMETER_INSTRUCTION_SETS
#undef ROW

enum { ROUNDS = 15 };

struct operands {
    int32_t H, S, weight_row, value_row;
    float *weights, *values, *deltas, *scratch, *out[2]; /* out: ours, theirs */
};

static void ours(const struct products *products, const struct operands *o, int which) {
    if (which == 0) products->forward(o->H, o->S, o->out[0], o->weights, o->values);
    if (which == 1) products->upstream(o->H, o->S, o->out[0], o->weights, o->deltas);
    if (which == 2) products->gradient(o->H, o->S, o->out[0], o->deltas, o->values, o->scratch);
}

static void theirs(const struct products *products, const struct operands *o, int which) {
    (void)products;
    if (which == 2)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, o->H, o->H, o->S, 1, o->deltas, o->value_row,
                    o->values, o->value_row, 0, o->out[1], o->weight_row);
    else
        cblas_sgemm(CblasRowMajor, which ? CblasTrans : CblasNoTrans, CblasNoTrans, o->H, o->S, o->H, 1,
                    o->weights, o->weight_row, which ? o->deltas : o->values, o->value_row, 0, o->out[1],
                    o->value_row);
}

/* Multiply-adds per second over a hundredth of a second. */
static double rate(void (*product)(const struct products *, const struct operands *, int),
                   const struct products *products, const struct operands *o, int which) {
    const double start = bench_now(), work = (double)o->H * o->H * o->S;
    double done = 0, elapsed = 0;
    while (elapsed < 0.01) {
        for (double batch = 0; batch < 1e6; batch += work) product(products, o, which), done += work;
        elapsed = bench_now() - start;
    }
    return done / elapsed;
}

/* The largest difference between ours and theirs, as a share of the largest number. */
static double apart(const struct operands *o, int which) {
    const int32_t columns = which == 2 ? o->H : o->S, row = which == 2 ? o->weight_row : o->value_row;
    double most = 0, largest = 0;
    for (int32_t i = 0; i < o->H; ++i) {
        for (int32_t j = 0; j < columns; ++j) {
            const double one = (double)o->out[0][i * row + j], two = (double)o->out[1][i * row + j];
            most = fmax(most, fabs(one - two)), largest = fmax(largest, fabs(two));
        }
    }
    return most / largest;
}

static float *draw(int64_t n) {
    float *values = aligned_alloc(64, (size_t)(n + 63) / 64 * 64 * sizeof *values);
    if (!values) bench_quit("out of memory");
    for (int64_t i = 0; i < n; ++i) values[i] = (float)(drand48() - 0.5);
    return values;
}

static void compare(const struct products *products, int32_t H, int32_t S) {
    static const char *const names[] = {"forward", "upstream", "gradient"};
    const int32_t weight_row = products->row_padded(H), value_row = products->row_padded(S);
    const int64_t n_weights = (int64_t)(H + 16) * weight_row, n_values = (int64_t)(H + 16) * value_row,
                  n_scratch = (int64_t)(S + 16) * weight_row, n_out = n_weights + n_values;
    const struct operands o = {H,
                               S,
                               weight_row,
                               value_row,
                               draw(n_weights),
                               draw(n_values),
                               draw(n_values),
                               draw(n_scratch),
                               {draw(n_out), draw(n_out)}};
    for (int which = 0; which < 3; ++which) {
        double our_rates[ROUNDS], their_rates[ROUNDS], ratios[ROUNDS];
        for (int round = -1; round < ROUNDS; ++round) { /* -1: the warm-up */
            const double us = rate(ours, products, &o, which), they = rate(theirs, products, &o, which);
            if (round >= 0) our_rates[round] = us, their_rates[round] = they, ratios[round] = us / they;
        }
        const double difference = apart(&o, which);
        const struct spread us = bench_spread(our_rates, ROUNDS), they = bench_spread(their_rates, ROUNDS),
                            ratio = bench_spread(ratios, ROUNDS);
        printf("h%-5d s%-5d %-9s %6.1f %6.1f %6.1f  %6.1f %6.1f %6.1f  %5.2f %5.2f %5.2f%s\n", H, S,
               names[which], us.least * 1e-9, us.median * 1e-9, us.most * 1e-9, they.least * 1e-9,
               they.median * 1e-9, they.most * 1e-9, ratio.least, ratio.median, ratio.most,
               difference <= 1e-4 ? "" : "  NOT THE SAME PRODUCT");
    }
    float *const arrays[] = {o.weights, o.values, o.deltas, o.scratch, o.out[0], o.out[1]};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; ++i) free(arrays[i]);
}

int main(int argc, char **argv) {
    static const int32_t widths[] = {16, 32, 64, 128, 256, 512};
    const struct products *products = NULL;
    const struct allometer_device_options options = {1, NULL, 0};
    struct allometer_device *device;
    struct allometer_error error = {0};
    if (allometer_cpu.open(&device, &options, &error) != ALLOMETER_OK) bench_quit(error.message);
#define ROW(set) \
    if (strstr(allometer_cpu.describe(device), #set)) products = &products_##set;
    ALLOMETER_INSTRUCTION_SETS
#undef ROW
    if (!products) bench_quit("no products were compiled for this instruction set");
    openblas_set_num_threads(1);
    printf("%s; OpenBLAS: %s\n%-23s %20s  %20s  %17s\n", products->name, openblas_get_corename(),
           "1e9 multiply-adds/s", "ours", "OpenBLAS", "ours / theirs");
    const int32_t samples = argc > 2 ? (int32_t)strtol(argv[2], NULL, 10) : 256;
    if (argc > 1)
        compare(products, (int32_t)strtol(argv[1], NULL, 10), samples);
    else
        for (size_t i = 0; i < sizeof widths / sizeof *widths; ++i) compare(products, widths[i], samples);
    allometer_cpu.close(device);
    return 0;
}
