/* The stand-in for the CUDA runtime: right kernels run as they should, wrong ones and misuse are caught. */
#include "cuda_standin/test_kernels.h"
#include "nvtx3/nvToolsExt.h"

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
}
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a device, a stream, and room for results on both sides ---- */

enum { N_RESULTS = 100 };
static cudaStream_t stream;
static float *results, *on_device;

static int setup(void **state) {
    (void)state;
    standin_reset();
    cudaSetDevice(0);
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cudaMallocHost(&results, N_RESULTS * sizeof *results);
    return cudaMalloc(&on_device, N_RESULTS * sizeof *on_device) != cudaSuccess;
}

static int teardown(void **state) {
    (void)state;
    standin_reset();
    standin_settings_now.reverse = standin_settings_now.error = 0;
    cudaFree(on_device);
    cudaFreeHost(results);
    cudaStreamDestroy(stream);
    return standin_live();
}

static cudaError_t fetch(void) {
    cudaError_t error =
        cudaMemcpyAsync(results, on_device, N_RESULTS * sizeof *results, cudaMemcpyDeviceToHost, stream);
    return error == cudaSuccess ? cudaStreamSynchronize(stream) : error;
}

/* How a process ended that does this alone: its exit code, or -1 for a signal. */
static int outcome(void (*action)(void)) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* cmocka would go on with the next test */
        action();
        exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- right kernels ---- */

static void run_sums(void) {
    STANDIN_LAUNCH(sum_kernel, 2, THREADS, (THREADS + 6) * sizeof(float), stream, on_device);
    if (fetch() != cudaSuccess) abort();
}

static void sums_are_right_in_both_orders(void **state) {
    (void)state;
    for (int reverse = 0; reverse < 2; ++reverse) {
        standin_settings_now.reverse = reverse;
        run_sums();
        assert_string_equal(standin_report(), "");
        for (int i = 0; i < 10; ++i) {
            assert_true(results[i] == 3.0f * (THREADS * (THREADS - 1) / 2 + THREADS * (i % 5)));
        }
        assert_true(isnan(results[10])); /* memory starts as NaN */
    }
}

static void run_teams(void) {
    STANDIN_LAUNCH(teams_kernel, 1, dim3(8, 8), 8 * 9 * sizeof(float), stream, on_device);
    if (fetch() != cudaSuccess) abort();
}

static void teams_of_a_warp_go_their_own_ways(void **state) {
    (void)state;
    for (int reverse = 0; reverse < 2; ++reverse) {
        standin_settings_now.reverse = reverse;
        run_teams();
        assert_string_equal(standin_report(), "");
        for (int team = 0; team < 8; ++team) assert_true(results[team] == float(28 + 8 * team));
    }
}

static void warps_count_their_threads(void **state) {
    (void)state;
    STANDIN_LAUNCH(ballot_kernel, 1, THREADS, 0, stream, on_device);
    assert_int_equal(fetch(), cudaSuccess);
    for (int i = 0; i < THREADS; ++i) assert_true(results[i] == (i < 32 ? 32.0f : i < 64 ? 8.0f : 0.0f));
}

static void blocks_share_a_queue(void **state) {
    (void)state;
    uint32_t *next = nullptr;
    assert_int_equal(cudaMalloc(&next, sizeof *next), cudaSuccess);
    for (int reverse = 0; reverse < 2; ++reverse) {
        standin_settings_now.reverse = reverse;
        assert_int_equal(cudaMemsetAsync(next, 0, sizeof *next, stream), cudaSuccess);
        STANDIN_LAUNCH(queue_kernel, 4, 64, sizeof(float), stream, next, 40u, on_device);
        assert_int_equal(fetch(), cudaSuccess);
        int n_taken[4] = {0};
        for (int i = 0; i < 40; ++i) ++n_taken[int(results[i])];
        for (int b = 0; b < 4; ++b) assert_int_equal(n_taken[b], 10);
        assert_true(results[0] == (reverse ? 3.0f : 0.0f));
    }
    cudaFree(next);
}

/* Known answers published with Random123 (kat_vectors, philox4x32 10). */
static void philox_gives_the_published_words(void **state) {
    (void)state;
    static const uint32_t expected[12] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8,
                                          0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd,
                                          0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    STANDIN_LAUNCH(philox_kernel, 1, 32, 0, stream, reinterpret_cast<uint32_t *>(on_device));
    assert_int_equal(fetch(), cudaSuccess);
    assert_memory_equal(results, expected, sizeof expected);
}

/* ---- wrong kernels ---- */

static void assert_reported(const char *what) {
    if (!strstr(standin_report(), what))
        fail_msg("no word of '%s' in the report '%s'", what, standin_report());
}

#define assert_launch_fails(what, kernel, block, shared_bytes, ...)              \
    do {                                                                         \
        standin_reset();                                                         \
        STANDIN_LAUNCH(kernel, 2, block, shared_bytes, stream, __VA_ARGS__);     \
        assert_int_equal(cudaStreamSynchronize(stream), cudaErrorLaunchFailure); \
        assert_int_equal(cudaStreamSynchronize(stream), cudaErrorLaunchFailure); \
        assert_reported(what);                                                   \
    } while (0)

static void threads_that_diverge_are_reported(void **state) {
    (void)state;
    for (int reverse = 0; reverse < 2; ++reverse) {
        standin_settings_now.reverse = reverse;
        assert_launch_fails("thread 5 has ended", leave_early_kernel, THREADS, 0, on_device);
        assert_launch_fails("thread 32 waits at barrier test_kernels.h:", two_barriers_kernel, THREADS, 0,
                            on_device);
        assert_launch_fails("waits at shuffle test_kernels.h:", half_warp_kernel, THREADS, 0, on_device);
        assert_launch_fails("waits at shuffle test_kernels.h:", ballot_part_kernel, THREADS, 0, on_device);
        assert_launch_fails("leaves out the thread's own lane", part_mask_kernel, THREADS, 0, on_device);
        assert_launch_fails("reads lane 16, which its mask", stray_kernel, THREADS, 0, on_device);
        assert_launch_fails("waits at a warp's barrier test_kernels.h:", warp_part_kernel, THREADS, 0,
                            on_device);
        assert_launch_fails("multiples of 32", half_warp_kernel, 1, 0, on_device);
    }
    standin_reset();
    standin_settings_now.reverse = 0;
    run_sums(); /* threads abandoned half-way have left nothing behind */
}

static void shared_memory_starts_as_nan(void **state) {
    (void)state;
    STANDIN_LAUNCH(uninitialized_kernel, 1, THREADS, (THREADS + 1) * sizeof(float), stream, on_device);
    assert_int_equal(fetch(), cudaSuccess);
    assert_true(isnan(results[0]));
}

static void write_far(void) {
    STANDIN_LAUNCH(write_kernel, 1, 32, 100 * sizeof(float), stream, on_device, 104);
    cudaStreamSynchronize(stream);
}

static void write_before(void) {
    STANDIN_LAUNCH(write_kernel, 1, 32, 4096, stream, on_device, -1);
    cudaStreamSynchronize(stream);
}

static void touch_device_memory(void) {
    *static_cast<volatile float *>(on_device) = 1.0f;
}

static void touch_freed_memory(void) {
    float *gone = nullptr;
    cudaMalloc(&gone, sizeof *gone);
    STANDIN_LAUNCH(uninitialized_kernel, 1, 32, (THREADS + 1) * sizeof(float), stream, gone);
    cudaStreamSynchronize(stream);
    cudaFree(gone);
    STANDIN_LAUNCH(uninitialized_kernel, 1, 32, (THREADS + 1) * sizeof(float), stream, gone);
    cudaStreamSynchronize(stream);
}

static void touch_memory_of_another_device(void) {
    cudaStream_t other = nullptr;
    cudaSetDevice(1);
    cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
    STANDIN_LAUNCH(uninitialized_kernel, 1, 32, (THREADS + 1) * sizeof(float), other, on_device);
    cudaStreamSynchronize(other);
}

static void memory_has_ends(void **state) {
    (void)state;
    for (int index : {-1, 101})
        assert_launch_fails("beyond the bounds of shared memory", write_kernel, 32, 101 * sizeof(float),
                            on_device, index);
    standin_reset();
    assert_int_equal(outcome(run_sums), 0);
    assert_int_not_equal(outcome(write_far), 0);
    assert_int_not_equal(outcome(write_before), 0);
    assert_int_not_equal(outcome(touch_device_memory), 0);
    assert_int_not_equal(outcome(touch_freed_memory), 0);
    assert_int_not_equal(outcome(touch_memory_of_another_device), 0);
}

static void run_race(void) {
    STANDIN_LAUNCH(race_kernel, 1, THREADS, THREADS * sizeof(float), stream, on_device);
    cudaStreamSynchronize(stream);
}

static void run_dropping(void (*run)(void), int n) {
    static char drop[64];
    snprintf(drop, sizeof drop, "test_kernels.h:%d", n);
    standin_settings_now.drop = drop;
    run();
}

#ifdef STANDIN_TSAN
static void run_sums_without_first_barrier(void) {
    run_dropping(run_sums, SUM_KERNEL + 5);
}
static void run_sums_without_second_barrier(void) {
    run_dropping(run_sums, SUM_KERNEL + 10);
}
static void run_teams_without_first_barrier(void) {
    run_dropping(run_teams, TEAMS_KERNEL + 6);
}
static void run_teams_without_second_barrier(void) {
    run_dropping(run_teams, TEAMS_KERNEL + 9);
}
#endif

static void missing_barriers_are_races(void **state) {
    (void)state;
#ifdef STANDIN_TSAN
    for (int reverse = 0; reverse < 2; ++reverse) {
        standin_settings_now.reverse = reverse;
        assert_int_equal(outcome(run_sums), 0);
        assert_int_not_equal(outcome(run_race), 0);
        assert_int_not_equal(outcome(run_sums_without_first_barrier), 0);
        assert_int_not_equal(outcome(run_sums_without_second_barrier), 0);
        assert_int_equal(outcome(run_teams), 0);
        assert_int_not_equal(outcome(run_teams_without_first_barrier), 0);
        assert_int_not_equal(outcome(run_teams_without_second_barrier), 0);
    }
#else
    (void)run_race, (void)run_dropping;
    skip(); /* the thread sanitizer sees them */
#endif
}

/* ---- misuse by the host ---- */

static void results_come_only_after_waiting(void **state) {
    (void)state;
    memset(results, 0, N_RESULTS * sizeof *results);
    STANDIN_LAUNCH(sum_kernel, 1, THREADS, (THREADS + 6) * sizeof(float), stream, on_device);
    assert_int_equal(cudaMemcpyAsync(results, on_device, 20, cudaMemcpyDeviceToHost, stream), cudaSuccess);
    assert_true(isnan(results[0]) && isnan(results[4]) && results[5] == 0.0f);
    assert_int_equal(cudaStreamSynchronize(stream), cudaSuccess);
    assert_true(results[0] == 3.0f * THREADS * (THREADS - 1) / 2);
}

static void pageable_memory_is_free_once_copied(void **state) {
    (void)state;
    float pageable[2] = {1, 2};
    assert_int_equal(cudaMemcpyAsync(on_device, pageable, sizeof pageable, cudaMemcpyHostToDevice, stream),
                     cudaSuccess);
    pageable[0] = pageable[1] = 0;
    assert_int_equal(cudaMemcpyAsync(pageable, on_device, sizeof pageable, cudaMemcpyDeviceToHost, stream),
                     cudaSuccess);
    assert_true(pageable[0] == 1 && pageable[1] == 2);
}

static void copies_stay_inside_memory(void **state) {
    (void)state;
    const size_t bytes = N_RESULTS * sizeof *results;
    assert_int_equal(cudaMemcpyAsync(results, on_device, bytes + 1, cudaMemcpyDeviceToHost, stream),
                     cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpyAsync(on_device + 1, results, bytes, cudaMemcpyHostToDevice, stream),
                     cudaErrorInvalidValue);
    assert_int_equal(cudaMemcpyAsync(on_device, results, bytes, cudaMemcpyDeviceToHost, stream),
                     cudaErrorInvalidValue);
    assert_int_equal(cudaMemsetAsync(on_device, 0, bytes + 1, stream), cudaErrorInvalidValue);
    assert_int_equal(cudaFree(results), cudaErrorInvalidValue);
    cudaStream_t other = nullptr;
    assert_int_equal(cudaSetDevice(1), cudaSuccess);
    assert_int_equal(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
    standin_reset();
    assert_int_equal(cudaMemcpyAsync(on_device, results, bytes, cudaMemcpyHostToDevice, other),
                     cudaErrorInvalidValue);
    assert_reported("memory of the stream's device");
    STANDIN_LAUNCH(uninitialized_kernel, 1, 32, 512, stream, on_device);
    assert_int_equal(cudaGetLastError(), cudaErrorInvalidResourceHandle);
    assert_int_equal(cudaStreamDestroy(other), cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(other), cudaErrorInvalidResourceHandle);
    assert_int_equal(cudaSetDevice(2), cudaErrorInvalidDevice);
}

static void launches_keep_to_the_limits(void **state) {
    (void)state;
    const size_t plenty = 49153, too_much = 232449;
    int blocks;
    STANDIN_LAUNCH(uninitialized_kernel, 1, 32, plenty, stream, on_device);
    assert_int_equal(cudaGetLastError(), cudaErrorInvalidValue);
    assert_int_equal(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, uninitialized_kernel, 32, plenty),
                     cudaSuccess);
    assert_int_equal(blocks, 0);
    const cudaFuncAttribute attribute = cudaFuncAttributeMaxDynamicSharedMemorySize;
    assert_int_equal(cudaFuncSetAttribute(uninitialized_kernel, attribute, int(too_much)),
                     cudaErrorInvalidValue);
    assert_int_equal(cudaFuncSetAttribute(uninitialized_kernel, attribute, int(plenty)), cudaSuccess);
    assert_int_equal(cudaGetLastError(), cudaErrorInvalidValue); /* of the attribute refused */
    STANDIN_LAUNCH(uninitialized_kernel, 1, 32, plenty, stream, on_device);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
    assert_int_equal(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, uninitialized_kernel, 32, plenty),
                     cudaSuccess);
    assert_true(blocks > 0);
    assert_int_equal(fetch(), cudaSuccess);
    STANDIN_LAUNCH(uninitialized_kernel, 1, 1025, 512, stream, on_device);
    assert_int_equal(cudaGetLastError(), cudaErrorInvalidConfiguration);
    STANDIN_LAUNCH(uninitialized_kernel, 0, 32, 512, stream, on_device);
    assert_int_equal(cudaGetLastError(), cudaErrorInvalidConfiguration);
}

static void failures_can_be_asked_for(void **state) {
    (void)state;
    int count = -7;
    standin_settings_now.error = cudaErrorInsufficientDriver;
    assert_int_equal(cudaGetDeviceCount(&count), 35);
    assert_int_equal(count, -7);
    standin_settings_now.error = 0;
    assert_int_equal(cudaGetDeviceCount(&count), cudaSuccess);
    assert_int_equal(count, 2);
    standin_settings_now.fail_call = 2;
    assert_int_equal(cudaStreamSynchronize(stream), cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(stream), cudaErrorMemoryAllocation);
    assert_int_equal(cudaStreamSynchronize(stream), cudaSuccess);
    nvtxRangePushA("range");
    const int live = standin_live();
    nvtxRangePop();
    assert_int_equal(standin_live(), live - 1);
    nvtxRangePop();
    assert_reported("NVTX");
    nvtxRangePushA("range");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        ROW(sums_are_right_in_both_orders),    ROW(teams_of_a_warp_go_their_own_ways),
        ROW(warps_count_their_threads),        ROW(blocks_share_a_queue),
        ROW(philox_gives_the_published_words), ROW(threads_that_diverge_are_reported),
        ROW(shared_memory_starts_as_nan),      ROW(memory_has_ends),
        ROW(missing_barriers_are_races),       ROW(results_come_only_after_waiting),
        ROW(copies_stay_inside_memory),        ROW(pageable_memory_is_free_once_copied),
        ROW(launches_keep_to_the_limits),      ROW(failures_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
