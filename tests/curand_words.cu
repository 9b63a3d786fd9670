/* cuRAND's own Philox4x32-10, on the host, gives the words published with Random123 (kat_vectors): so do Random123 and,
   in test_cuda_standin.cpp, the stand-in. */
#define QUALIFIERS static __host__ __device__ inline
#include <cuda_runtime.h>
#include <curand_philox4x32_x.h>
#include <stdio.h>

int main(void) {
    static const unsigned cases[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
         0x5001e420, 0x24126ea1},
    };
    for (const unsigned *c : cases) {
        const uint4 words = curand_Philox4x32_10(make_uint4(c[0], c[1], c[2], c[3]), make_uint2(c[4], c[5]));
        if (words.x != c[6] || words.y != c[7] || words.z != c[8] || words.w != c[9]) {
            printf("counter %x %x %x %x, key %x %x: %08x %08x %08x %08x, expected %08x %08x %08x %08x\n",
                   c[0], c[1], c[2], c[3], c[4], c[5], words.x, words.y, words.z, words.w, c[6], c[7], c[8],
                   c[9]);
            return 1;
        }
    }
    printf("3 published answers\n");
    return 0;
}
