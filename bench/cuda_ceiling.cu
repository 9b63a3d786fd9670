/* What the first GPU can do at most, measured: one line of JSON with the rates that bound a training kernel. Each is a loop of
   one instruction in independent chains, on every multiprocessor, long enough to take milliseconds; the best of what fits
   into half a second, in which a GPU that was idle comes to its full clock. */
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>

enum { THREADS = 256, BLOCKS_PER_MULTIPROCESSOR = 8, CHAINS = 8, ROUNDS = 16384 };
static const float seconds_each = 0.5f;

#define CHECK(call)                                                                       \
    do {                                                                                  \
        const cudaError_t status = (call);                                                \
        if (status != cudaSuccess) {                                                      \
            fprintf(stderr, "cuda_ceiling: %s: %s\n", #call, cudaGetErrorString(status)); \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

struct multiply_add {
    static __device__ float of(float x, float a, float b, const float *) {
        return x * a + b;
    }
};

/* A power of two: one instruction of the special function unit. */
struct special_function {
    static __device__ float of(float x, float, float, const float *) {
        float y;
        asm volatile("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
        return y;
    }
};

/* Each load's place comes from the one before it, the same for all threads of a warp, as in the kernels: as an offset in
   bytes, so that nothing but the load is to be done. */
struct shared_load {
    static __device__ float of(float x, float, float, const float *shared) {
        return *reinterpret_cast<const float *>(reinterpret_cast<const char *>(shared) + __float_as_int(x));
    }
};

/* The same of four floats at once. As C the compiler would load the one alone that is looked at. */
struct shared_quad_load {
    static __device__ float of(float x, float, float, const float *shared) {
        float y;
        asm volatile("{ .reg .f32 b, c, d; ld.volatile.shared.v4.f32 {%0, b, c, d}, [%1]; }"
                     : "=f"(y)
                     : "r"((int)__cvta_generic_to_shared(shared) + __float_as_int(x)));
        return y;
    }
};

template <class Instruction> static __global__ void run(float *out) {
    __shared__ __align__(16) float shared[1024];
    for (int i = threadIdx.x; i < 1024; i += THREADS) shared[i] = __int_as_float(4 * ((i + 4) & 1020));
    __syncthreads();
    /* From memory, or the compiler would know the results. */
    const float a = shared[CHAINS], b = shared[CHAINS + 1];
    float chain[CHAINS];
    for (int c = 0; c < CHAINS; ++c) chain[c] = shared[c];
    for (int round = 0; round < ROUNDS; ++round) {
#pragma unroll
        for (int c = 0; c < CHAINS; ++c) chain[c] = Instruction::of(chain[c], a, b, shared);
    }
    float total = 0;
    for (int c = 0; c < CHAINS; ++c) total += chain[c];
    out[blockIdx.x * THREADS + threadIdx.x] = total; /* so that nothing is left out */
}

static __global__ void scale(float4 *memory, size_t n) {
    for (size_t i = blockIdx.x * (size_t)THREADS + threadIdx.x; i < n; i += (size_t)gridDim.x * THREADS) {
        float4 v = memory[i];
        memory[i] = make_float4(0.5f * v.x, 0.5f * v.y, 0.5f * v.z, 0.5f * v.w);
    }
}

/* Units per second: of the best launch. */
template <class Launch> static double rate_of(double units, Launch launch) {
    cudaEvent_t begin, end;
    float milliseconds, least = 1e30f, total = 0;
    CHECK(cudaEventCreate(&begin));
    CHECK(cudaEventCreate(&end));
    while (total < 1e3f * seconds_each) {
        CHECK(cudaEventRecord(begin));
        launch();
        CHECK(cudaGetLastError());
        CHECK(cudaEventRecord(end));
        CHECK(cudaEventSynchronize(end));
        CHECK(cudaEventElapsedTime(&milliseconds, begin, end));
        total += milliseconds;
        if (milliseconds < least) least = milliseconds;
    }
    CHECK(cudaEventDestroy(begin));
    CHECK(cudaEventDestroy(end));
    return units / (1e-3 * (double)least);
}

int main() {
    int n_devices = 0;
    if (cudaGetDeviceCount(&n_devices) != cudaSuccess || n_devices == 0) {
        fprintf(stderr, "cuda_ceiling: no GPU\n");
        return 77;
    }
    cudaDeviceProp device;
    CHECK(cudaGetDeviceProperties(&device, 0));
    const int blocks = device.multiProcessorCount * BLOCKS_PER_MULTIPROCESSOR;
    const double instructions = (double)blocks * THREADS * CHAINS * ROUNDS;
    const size_t vectors = (size_t)64 << 20; /* 1 GiB */
    float *out;
    float4 *memory;
    CHECK(cudaMalloc(&out, (size_t)blocks * THREADS * sizeof *out));
    CHECK(cudaMalloc(&memory, vectors * sizeof *memory));
    CHECK(cudaMemset(memory, 0, vectors * sizeof *memory));
    printf("{\"gpu\": \"%s\", \"gpus\": %d, \"architecture\": \"sm_%d%d\", \"multiprocessors\": %d,\n",
           device.name, n_devices, device.major, device.minor, device.multiProcessorCount);
    printf(" \"multiply_adds_per_s\": %.5g,\n",
           rate_of(instructions, [&] { run<multiply_add><<<blocks, THREADS>>>(out); }));
    printf(" \"special_functions_per_s\": %.5g,\n",
           rate_of(instructions, [&] { run<special_function><<<blocks, THREADS>>>(out); }));
    printf(" \"shared_loads_per_s\": %.5g,\n",
           rate_of(instructions, [&] { run<shared_load><<<blocks, THREADS>>>(out); }));
    printf(" \"shared_quad_loads_per_s\": %.5g,\n",
           rate_of(instructions, [&] { run<shared_quad_load><<<blocks, THREADS>>>(out); }));
    printf(" \"memory_bytes_per_s\": %.5g}\n",
           rate_of(2.0 * vectors * sizeof *memory, [&] { scale<<<blocks, THREADS>>>(memory, vectors); }));
    CHECK(cudaFree(out));
    CHECK(cudaFree(memory));
    return 0;
}
