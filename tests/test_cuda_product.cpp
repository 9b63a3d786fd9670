/* The products of deep models' layers (product_cuda.h) alone, on the stand-in: teams of every size, sizes of which something is left
   over everywhere, all that may ride along. What is no number of an array is NaN, and shared memory ends where the stage does. */
#include "product_cuda.h"

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
}
#include <stdio.h>

#ifdef STANDIN_TSAN /* clang's sanitizer is blind to larger teams, see MAX_THREADS in runtime.cpp */
enum { MOST_THREADS = 2 * WARP_SIZE };
#else
enum { MOST_THREADS = CUDA_MAX_TEAM };
#endif

enum form { ROWS_BY_COLUMNS, COLUMNS_BY_COLUMNS, ROWS_BY_ROWS, N_FORMS };
enum { BIAS = 1, ADD = 2, SLOPE = 4, SKIPPED = 8, TIMES = 16, NO_OUT = 32, ALL_THAT_RIDES = 64 };

static __global__ void product_kernel(enum form form, struct product p) {
    if (form == ROWS_BY_COLUMNS) multiply(p);
    if (form == COLUMNS_BY_COLUMNS) multiply_turned(p);
    if (form == ROWS_BY_ROWS) multiply_rows(p, nullptr);
}

static cudaStream_t stream;
static uint32_t random_state = 1;

static int32_t draw(int32_t n) { /* of 0 .. n - 1 */
    random_state = random_state * 1664525u + 1013904223u;
    return (int32_t)((random_state >> 8) % (uint32_t)n);
}

/* (n, length) numbers from -1 to 1, on the host and on the device. */
struct matrix {
    int32_t n, row;
    float *on_host = nullptr, *on_device = nullptr;

    matrix(int32_t n_, int32_t length, int32_t row_) : n(n_), row(row_) {
        if (cudaMallocHost(&on_host, bytes()) != cudaSuccess
            || cudaMalloc(&on_device, bytes()) != cudaSuccess)
            fail_msg("no memory");
        for (int32_t e = 0; e < n * row; ++e)
            on_host[e] = e % row < length ? (float)(draw(2001) - 1000) / 1000 : NAN;
        cudaMemcpyAsync(on_device, on_host, bytes(), cudaMemcpyHostToDevice, stream);
    }
    ~matrix() {
        cudaFree(on_device);
        cudaFreeHost(on_host);
    }
    matrix(const matrix &) = delete;
    matrix &operator=(const matrix &) = delete;
    size_t bytes(void) const {
        return (size_t)n * (size_t)row * sizeof(float);
    }
    double at(int32_t i, int32_t j) const {
        return (double)on_host[i * row + j];
    }
    void fetch(void) {
        cudaMemcpyAsync(on_host, on_device, bytes(), cudaMemcpyDeviceToHost, stream);
    }
};

static void check(enum form form, int32_t team, int32_t I, int32_t J, int32_t K, int rides) {
    const int32_t row = row_padded(J) + 2 * QUAD * draw(2);
    matrix out(I, J, row), scaled(I, J, row), slope(I, J, row), add(I, J, row), skipped(I, J, row),
        times(I, J, row);
    matrix bias(1, I, I),
        a(form == COLUMNS_BY_COLUMNS ? K : I, form == COLUMNS_BY_COLUMNS ? I : K,
          row_padded(form == COLUMNS_BY_COLUMNS ? I : K)),
        b(form == ROWS_BY_ROWS ? J : K, form == ROWS_BY_ROWS ? K : J,
          row_padded(form == ROWS_BY_ROWS ? K : J));
    struct product p;
    memset(&p, 0, sizeof p);
    p.I = I, p.J = J, p.K = K, p.out_row = row, p.activation = ALLOMETER_ACTIVATION_TANH;
    p.a = a.on_device, p.b = b.on_device, p.b_row = b.row;
    p.a_row = form == COLUMNS_BY_COLUMNS ? 1 : a.row, p.a_column = form == COLUMNS_BY_COLUMNS ? a.row : 1;
    if (!(rides & NO_OUT)) p.out = out.on_device;
    if (rides & BIAS) p.bias = bias.on_device;
    if (rides & ADD) p.add = add.on_device;
    if (rides & SLOPE) p.slope = slope.on_device;
    if (rides & SKIPPED) p.skipped = skipped.on_device;
    if (rides & TIMES) p.times = times.on_device, p.scaled = scaled.on_device;
    STANDIN_LAUNCH(product_kernel, 1, (uint32_t)team,
                   (size_t)(CUDA_QUEUE_FLOATS + STAGE_FLOATS * team) * sizeof(float), stream, form, p);
    out.fetch(), scaled.fetch(), slope.fetch();
    if (cudaStreamSynchronize(stream) != cudaSuccess) fail_msg("%s", standin_report());
    for (int32_t i = 0; i < I; ++i) {
        for (int32_t j = 0; j < J; ++j) {
            double sum = rides & BIAS ? bias.at(0, i) : 0, derivative = 0;
            for (int32_t k = 0; k < K; ++k)
                sum += (form == COLUMNS_BY_COLUMNS ? a.at(k, i) : a.at(i, k))
                       * (form == ROWS_BY_ROWS ? b.at(j, k) : b.at(k, j));
            if (rides & ADD) sum += add.at(i, j);
            if (rides & SLOPE) sum = tanh(sum), derivative = 1 - sum * sum;
            if (rides & SKIPPED) sum += skipped.at(i, j);
            const double most = 1e-4; /* 300 products of numbers up to 1, summed in single precision */
            if ((!(rides & NO_OUT) && !(fabs(out.at(i, j) - sum) < most))
                || ((rides & SLOPE) && !(fabs(slope.at(i, j) - derivative) < most))
                || ((rides & TIMES) && !(fabs(scaled.at(i, j) - sum * times.at(i, j)) < most)))
                fail_msg("form %d, %d threads, %d x %d x %d, rides %d: element %d, %d is %g, not %g", form,
                         team, I, J, K, rides, i, j, out.at(i, j), sum);
        }
    }
}

/* Half of the sizes are at the edges of tiles, slices, quads and warps. */
static int32_t draw_size(void) {
    static const int32_t edges[] = {1,  2,  3,  4,  5,  7,  8,   9,   12,  15,  16,  17,  20,
                                    31, 32, 33, 48, 63, 64, 100, 127, 128, 129, 256, 257, 300};
    return draw(2) ? edges[draw(sizeof edges / sizeof *edges)] : 1 + draw(80);
}

static void products_are_right(void **state) {
    (void)state;
    cudaSetDevice(0);
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    for (int round = 0; round < 60; ++round) {
        standin_settings_now.reverse = round % 2;
        for (int32_t team = WARP_SIZE; team <= MOST_THREADS; team *= 2) {
            const int rides = draw(ALL_THAT_RIDES);
            const int32_t I = draw_size(), J = draw_size(), K = draw_size();
            check((enum form)draw(N_FORMS), team, I, J, K, rides & NO_OUT ? rides | TIMES : rides);
        }
    }
    cudaStreamDestroy(stream);
    assert_string_equal(standin_report(), "");
    assert_int_equal(standin_live(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_right)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
