/* cuRAND's device function through Random123: word for word the same. Words x, y, z, w of the counter and x, y
   of the key are words 0 to 3 and 0 to 1 of the published algorithm. */
#ifndef CURAND_PHILOX4X32_X_H
#define CURAND_PHILOX4X32_X_H

#include "cuda_runtime.h"
#include <Random123/philox.h>

static inline uint4 curand_Philox4x32_10(uint4 counter, uint2 key) {
    philox4x32_ctr_t c = {{counter.x, counter.y, counter.z, counter.w}};
    philox4x32_key_t k = {{key.x, key.y}};
    c = philox4x32_R(10, c, k);
    return make_uint4(c.v[0], c.v[1], c.v[2], c.v[3]);
}

#endif
