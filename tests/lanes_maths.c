#include "lanes_maths.h"

#include "lane_double.h"
#include "random.h"

static vf vf_normal_u70(vf x) {
    vf y, density;
    tile_normal_u70(1, &x, &y, &density);
    return y;
}

#define ROW(function, ulp, low, high, reference)                                              \
    static void apply_##function(float *y, const float *x, size_t n) {                        \
        for (size_t i = 0; i < n; i += LANES) vf_store(y + i, vf_##function(vf_load(x + i))); \
    }
MATHS_TABLE(ROW)
#undef ROW

static vd log1p_unit_u20(vd x) {
    vd inverse;
    return vd_log1p_unit_u20(x, &inverse);
}
static vd inverse_of_log_u35(vd x) {
    vd inverse;
    vd_log_inverse_u10(x, &inverse);
    return inverse;
}
#define exp_u10             vd_exp_u10
#define log_u10             vd_log_u10
#define reciprocal_u15      vd_reciprocal_u15
#define reciprocal_sqrt_u20 vd_reciprocal_sqrt_u20
#define ROW(function, ulp, low, high, reference)                                            \
    static void apply_double_##function(double *y, const double *x, size_t n) {             \
        for (size_t i = 0; i < n; i += VD_LANES) vd_store(y + i, function(vd_load(x + i))); \
    }
DOUBLE_MATHS_TABLE(ROW)
#undef ROW
#undef exp_u10
#undef log_u10
#undef reciprocal_u15
#undef reciprocal_sqrt_u20

static void apply_philox(uint32_t words[4], const uint32_t counter[4], const uint32_t key[2]) {
    struct vu4 r = lane_philox(vu_set(counter[0]), counter[1], counter[2], counter[3], key[0], key[1]);
    for (int w = 0; w < 4; ++w) words[w] = LANE(r.word[w], 0);
    for (int l = 1; l < LANES; ++l) {
        for (int w = 0; w < 4; ++w) {
            if (LANE(r.word[w], l) != words[w]) words[0] = ~0u;
        }
    }
}

static void apply_permutation(int32_t *image, int32_t n, uint64_t seed, uint32_t which, uint32_t step) {
    struct permutation p = permutation_make(seed, which, step, n);
    for (int32_t i = 0; i < n; ++i) image[i] = permutation_at(&p, i);
}

extern const struct lanes_maths LANES_SYMBOL(lanes_maths_);
const struct lanes_maths LANES_SYMBOL(lanes_maths_) = {
    .name = LANES_NAME,
#define ROW(function, ulp, low, high, reference) .function = apply_##function,
    MATHS_TABLE(ROW)
#undef ROW
#define ROW(function, ulp, low, high, reference) .double_##function = apply_double_##function,
        DOUBLE_MATHS_TABLE(ROW)
#undef ROW
            .philox = apply_philox,
    .permutation = apply_permutation,
};
