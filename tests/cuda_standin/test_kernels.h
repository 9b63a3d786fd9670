/* Small kernels, right and wrong, for the test of the stand-in. */
#ifndef ALLOMETER_STANDIN_TEST_KERNELS_H
#define ALLOMETER_STANDIN_TEST_KERNELS_H

#include "lane_cuda.h"

enum { THREADS = 96 };

/* Each block sums the numbers of the ranks, three ways: by a tree, through shuffles, and turned about. */
enum { SUM_KERNEL = __LINE__ }; /* its barriers are on lines 5 and 10 below this one */
static __global__ void sum_kernel(float *sums) {
    team_shared(shared);
    for (int round = 0; round < 5; ++round) {
        shared[TEAM_RANK] = float(TEAM_RANK + round);
        team_sync();
        float turned = shared[TEAM_SIZE - 1 - TEAM_RANK];
        float next = __shfl_sync(0xffffffffu, turned, (TEAM_RANK + 1) % WARP_SIZE);
        float pair = __shfl_xor_sync(0xffffffffu, turned, 1);
        team_sum_store(shared + TEAM_SIZE + TEAM_RANK / WARP_SIZE * 2, turned + next + pair);
        team_sync();
        if (TEAM_RANK == 0) {
            float sum = 0.0f;
            for (int w = 0; w < TEAM_PARTIALS; ++w) sum += shared[TEAM_SIZE + 2 * w];
            sums[int(blockIdx.x) * 5 + round] = sum;
        }
    }
}

/* As above, but the barrier before the read is missing. */
static __global__ void race_kernel(float *sums) {
    team_shared(shared);
    shared[TEAM_RANK] = float(TEAM_RANK);
    float turned = shared[TEAM_SIZE - 1 - TEAM_RANK];
    team_sync();
    if (TEAM_RANK == 0) sums[blockIdx.x] = turned;
}

static __global__ void queue_kernel(uint32_t *next, uint32_t n, float *taken_by) {
    team_shared(shared);
    for (;;) {
        if (TEAM_RANK == 0) {
            uint32_t model = atomicAdd(next, 1u);
            memcpy(shared, &model, sizeof model);
        }
        team_sync();
        uint32_t model;
        memcpy(&model, shared, sizeof model);
        team_sync();
        if (model >= n) return;
        if (TEAM_RANK == 0) taken_by[model] = float(blockIdx.x);
    }
}

static __global__ void uninitialized_kernel(float *sums) {
    team_shared(shared);
    if (TEAM_RANK == 0) sums[0] = shared[THREADS];
}

static __global__ void write_kernel(float *at_shared, int index) {
    team_shared(shared);
    (void)at_shared;
    if (TEAM_RANK == 0) shared[index] = 1.0f;
}

static __global__ void leave_early_kernel(float *sums) {
    if (TEAM_RANK == 5) return;
    team_sync();
    sums[TEAM_RANK] = 0.0f;
}

static __global__ void two_barriers_kernel(float *sums) {
    if (TEAM_RANK < WARP_SIZE) {
        team_sync();
    } else {
        team_sync();
    }
    sums[TEAM_RANK] = 0.0f;
}

static __global__ void half_warp_kernel(float *sums) {
    float x = 1.0f;
    if (TEAM_RANK % 2 == 0) x = __shfl_xor_sync(0xffffffffu, x, 2);
    sums[TEAM_RANK] = x;
}

static __global__ void part_mask_kernel(float *sums) {
    sums[TEAM_RANK] = __shfl_xor_sync(0x0000ffffu, 1.0f, 2);
}

/* Teams of 8, four to a warp, that go through the loop a different number of times. */
enum { TEAMS_KERNEL = __LINE__ }; /* its barriers are on lines 6 and 9 below this one */
static __global__ void teams_kernel(float *sums) {
    team_shared(block_memory);
    float *shared = block_memory + threadIdx.y * (TEAM_SIZE + 1);
    for (uint32_t round = 0; round <= threadIdx.y; ++round) {
        shared[TEAM_RANK] = float(TEAM_RANK + int(round));
        team_sync();
        const float turned = shared[TEAM_SIZE - 1 - TEAM_RANK];
        team_sum_store(shared + TEAM_SIZE, turned);
        team_sync();
    }
    if (TEAM_RANK == 0) sums[threadIdx.y] = shared[TEAM_SIZE];
}

/* Reads the lane above the mask. */
static __global__ void stray_kernel(float *sums) {
    const uint32_t half = TEAM_RANK % WARP_SIZE < 16 ? 0x0000ffffu : 0xffff0000u;
    sums[TEAM_RANK] = __shfl_down_sync(half, 1.0f, 1, WARP_SIZE);
}

/* In how many threads of each warp the rank is below 40. */
static __global__ void ballot_kernel(float *sums) {
    sums[TEAM_RANK] = float(warp_count(TEAM_RANK < 40));
}

/* Asks all the warp, but half of it does not answer. */
static __global__ void ballot_part_kernel(float *sums) {
    if (TEAM_RANK % 2 == 0) sums[TEAM_RANK] = float(warp_count(true));
}

/* Waits for all the warp, but half of it does not come. */
static __global__ void warp_part_kernel(float *sums) {
    if (TEAM_RANK % 2 == 0) __syncwarp(0xffffffffu);
    sums[TEAM_RANK] = 0.0f;
}

static __global__ void philox_kernel(uint32_t *words) {
    const uint32_t cases[3][6] = {
        {0, 0, 0, 0, 0, 0},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0},
    };
    if (TEAM_RANK >= 3) return;
    const uint32_t *c = cases[TEAM_RANK];
    uint4 four = curand_Philox4x32_10(make_uint4(c[0], c[1], c[2], c[3]), make_uint2(c[4], c[5]));
    memcpy(words + 4 * TEAM_RANK, &four, sizeof four);
}

#endif
