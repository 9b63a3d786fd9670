#include "cuda_plan.h"
#include "deep.h"
#include "workspace.h"

#include <algorithm>
#include <math.h>
#include <tuple>

extern "C" {
#include "backend.h"
}

static const struct cuda_kernel *const small_kernels[ALLOMETER_ACTIVATION_COUNT] = {
#define ROW(id, function, name, flops, kept, formula) allometer_cuda_small_##id,
    ACTIVATION_TABLE(ROW)
#undef ROW
};

static const struct cuda_kernel *first_that_holds(const struct cuda_kernel *kernels, int n,
                                                  const struct allometer_model *model) {
    for (int i = 0; i < n; ++i) {
        if (kernels[i].D >= model->n_inputs && kernels[i].O >= model->n_outputs) return &kernels[i];
    }
    return nullptr;
}

static size_t workspace_bytes(const struct cuda_kernel *kernel, const struct allometer_model *model,
                              int32_t team) {
    return (size_t)workspace_floats(kernel->D, kernel->O, model, team, team / WARP_SIZE) * sizeof(float);
}

/* Loop turns of one step for the team, as in forward() and backward_and_update(), times its warps, over how well the
   warps that fit a multiprocessor hide each other's latency. A measure for comparing teams, not a time. */
static double team_cost(const struct cuda_kernel *kernel, const struct allometer_model *model, int32_t team) {
    const double memory = 160 * 1024, warps_that_hide_latency = 16, barriers_and_loss = 64;
    const int32_t width = model->width, samples = model->batch;
    const int32_t neuron_groups = std::max(1, team / samples), sample_groups = std::max(1, team / width);
    const double forward = ceil((double)samples / team) * ceil((double)width / neuron_groups);
    const double backward = ceil((double)width / team) * ceil((double)samples / sample_groups);
    const double warps = (double)team / WARP_SIZE;
    const double blocks = std::max(1.0, floor(memory / (double)workspace_bytes(kernel, model, team)));
    return (forward + 2 * backward + barriers_and_loss) * warps
           / std::min(blocks * warps, warps_that_hide_latency);
}

static int32_t best_team(const struct cuda_kernel *kernel, const struct allometer_model *model) {
    int32_t best = WARP_SIZE;
    double best_cost = INFINITY;
    for (int32_t team = WARP_SIZE; team <= CUDA_MAX_TEAM; team += WARP_SIZE) {
        const double cost = team_cost(kernel, model, team);
        if (cost < best_cost) best = team, best_cost = cost;
    }
    return best;
}

/* A lane for each tile of the widest product, as far as lanes go. */
static int32_t deep_team(const struct allometer_model *model) {
    const int64_t tiles = (int64_t)((model->width + TILE_ROWS - 1) / TILE_ROWS)
                          * ((std::max(model->width, model->batch) + TILE_COLUMNS - 1) / TILE_COLUMNS);
    return (int32_t)std::min<int64_t>((tiles + WARP_SIZE - 1) / WARP_SIZE * WARP_SIZE, CUDA_MAX_TEAM);
}

static struct cuda_placement deep_place(const struct allometer_model *model, size_t shared_limit) {
    struct cuda_placement place;
    place.team = deep_team(model);
    place.bytes = (size_t)deep_floats(model, place.team / WARP_SIZE) * sizeof(float);
    place.in_shared = cuda_shared_bytes(true, place.bytes) <= shared_limit;
    place.kernel = &allometer_cuda_deep[place.in_shared ? CUDA_DEEP_SHARED : CUDA_DEEP_GLOBAL];
    return place;
}

struct cuda_placement cuda_place(const struct allometer_model *model, size_t shared_limit) {
    if (allometer_is_general(model)) return deep_place(model, shared_limit);
    struct cuda_placement place;
    place.kernel = first_that_holds(small_kernels[model->activation], CUDA_N_SMALL, model);
    if (!place.kernel) place.kernel = first_that_holds(allometer_cuda_large, CUDA_N_LARGE, model);
    place.team = best_team(place.kernel, model);
    place.bytes = workspace_bytes(place.kernel, model, place.team);
    place.in_shared = cuda_shared_bytes(true, place.bytes) <= shared_limit;
    if (place.in_shared) return place;
    place.kernel = first_that_holds(allometer_cuda_global, CUDA_N_GLOBAL, model);
    place.team = CUDA_MAX_TEAM;
    place.bytes = workspace_bytes(place.kernel, model, place.team);
    return place;
}

/* Blocks of one launch all have the largest workspace among its models: up to twice their own. */
static int size_class(size_t bytes) {
    return (int)log2((double)bytes);
}

static std::tuple<const struct cuda_kernel *, int32_t, int> group_of(const struct cuda_placement &place) {
    return {place.kernel, place.team, size_class(place.bytes)};
}

bool cuda_same_group(const struct cuda_placement &a, const struct cuda_placement &b) {
    return group_of(a) == group_of(b);
}

static bool by_group_then_cost(const struct cuda_entry &a, const struct cuda_entry &b) {
    return std::make_tuple(-a.group_cost, group_of(a.placement), -a.cost, a.index)
           < std::make_tuple(-b.group_cost, group_of(b.placement), -b.cost, b.index);
}

std::vector<struct cuda_entry> cuda_plan(const struct allometer_model *models, size_t n_models,
                                         size_t shared_limit, bool reverse) {
    std::vector<struct cuda_entry> plan(n_models);
    for (size_t i = 0; i < n_models; ++i) {
        plan[i] = {i, allometer_model_flops(&models[i]), cuda_place(&models[i], shared_limit), 0};
    }
    std::sort(plan.begin(), plan.end(),
              by_group_then_cost); /* group costs still equal: groups side by side */
    for (size_t i = 0; i < n_models; ++i) {
        const bool begins = i == 0 || !cuda_same_group(plan[i].placement, plan[i - 1].placement);
        plan[i].group_cost = begins ? plan[i].cost : plan[i - 1].group_cost;
    }
    std::sort(plan.begin(), plan.end(), by_group_then_cost);
    if (reverse) std::reverse(plan.begin(), plan.end());
    return plan;
}
