#include "cuda_plan.h"
#include "deep_workspace.h"
#include "workspace.h"

#include <algorithm>
#include <math.h>
#include <stddef.h>
#include <string.h>
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
    const int32_t partials = std::max(1, team / WARP_SIZE);
    return (size_t)workspace_floats(kernel->D, kernel->O, model, team, partials) * sizeof(float);
}

struct cuda_block cuda_block_of(const struct cuda_placement *place, size_t workspace_bytes) {
    const size_t of_workspace =
        ((place->in_shared ? workspace_bytes : 0) + place->near_bytes) / sizeof(float);
    size_t floats = CUDA_QUEUE_FLOATS + of_workspace;
    if (place->team >= WARP_SIZE) return {1, floats * sizeof(float)};
    /* What the warp's teams read together lies in banks that do not overlap. */
    const size_t banks = 32, team = (size_t)place->team;
    floats += (team + banks - floats % banks) % banks;
    return {WARP_SIZE / place->team, floats * sizeof(float)};
}

static double turns_of(struct sharing sharing, int32_t team) {
    return ceil((double)sharing.owners * sharing.groups / team)
           * ceil((double)sharing.parts / sharing.groups);
}

/* Turns of the forward loop (some ten instructions) that one step takes a thread of the team, as in forward(),
   loss_and_residuals(), backward_and_update() and update_neurons(): with few neurons and samples most of them are not of
   the loops. What every thread does, like the schedule and the output biases, costs a small team as much as a large one. */
static double step_turns(const struct cuda_kernel *kernel, const struct allometer_model *model,
                         int32_t team) {
    const double for_each_team = 50, for_each_loss = 3, for_each_update = 4;
    const int D = kernel->D, O = kernel->O, each_turn = OWNED(D, O) * AT_ONCE(D, O);
    const struct sharing forward = forward_sharing(D, O, model->width, model->batch, team),
                         backward = backward_sharing(D, O, model->width, model->batch, team);
    const double samples_each = ceil((double)model->batch / team),
                 neurons_each = ceil((double)model->width / team);
    return each_turn * (turns_of(forward, team) + 2 * turns_of(backward, team))
           + for_each_loss * samples_each * model->n_subtasks + for_each_update * neurons_each * (D + 1 + O)
           + for_each_team;
}

/* Whether a block of such teams fits shared memory. */
static bool team_fits(const struct cuda_kernel *kernel, const struct allometer_model *model, int32_t team,
                      size_t shared_limit) {
    const struct cuda_placement place = {kernel, team, true, workspace_bytes(kernel, model, team), 0};
    const struct cuda_block block = cuda_block_of(&place, place.bytes);
    return (size_t)block.teams * block.team_bytes <= shared_limit;
}

/* Warps that a multiprocessor runs at once: as many as its registers, and its shared memory, hold, which is what one block
   may have and 1 KiB, and of which each block takes so much for itself. */
static double resident_warps(const struct cuda_kernel *kernel, const struct allometer_model *model,
                             int32_t team, size_t shared_limit) {
    const size_t each_block = 1024;
    const struct cuda_placement place = {kernel, team, true, workspace_bytes(kernel, model, team), 0};
    const struct cuda_block block = cuda_block_of(&place, place.bytes);
    const size_t bytes = (size_t)block.teams * block.team_bytes + each_block;
    const size_t warps = (size_t)(block.teams * team / WARP_SIZE);
    return (double)(std::max<size_t>(
                        1, std::min((shared_limit + each_block) / bytes, (size_t)kernel->warps / warps))
                    * warps);
}

/* A multiprocessor's turns for each model, over how well its warps hide each other's latency: on an H100 12 warps reach 1.33
   times what 6 do, 16 warps 1.04 times what 12 do. A measure for comparing teams, not a time. */
static double team_cost(const struct cuda_kernel *kernel, const struct allometer_model *model, int32_t team,
                        size_t shared_limit) {
    const double half_hidden = 4, warps = resident_warps(kernel, model, team, shared_limit);
    return step_turns(kernel, model, team) * (double)team * (warps + half_hidden) / warps;
}

/* A power of two: other numbers of warps are shared out unevenly among a multiprocessor's four schedulers. */
static int32_t best_team(const struct cuda_kernel *kernel, const struct allometer_model *model,
                         size_t shared_limit) {
    int32_t best = WARP_SIZE;
    double best_cost = INFINITY;
    for (int32_t team = CUDA_MIN_TEAM; team <= kernel->threads; team *= 2) {
        if (team < WARP_SIZE && !team_fits(kernel, model, team, shared_limit)) continue;
        const double cost = team_cost(kernel, model, team, shared_limit);
        if (cost < best_cost) best = team, best_cost = cost;
    }
    return best;
}

/* As if nothing were pruned, which takes memory alone: the sums, and so the results, of a model that keeps all its neurons are
   then those of one that is not pruned. */
static int32_t team_for(const struct cuda_kernel *kernel, const struct allometer_model *model,
                        size_t shared_limit) {
    if (model->prune == 0) return best_team(kernel, model, shared_limit);
    struct allometer_model unpruned = *model;
    unpruned.prune = 0;
    const int32_t team = best_team(kernel, &unpruned, shared_limit);
    return team < WARP_SIZE && !team_fits(kernel, model, team, shared_limit) ? WARP_SIZE : team;
}

/* Threads of a deep model's team: as many as one layer of a block of samples has tiles, up to what a multiprocessor's registers
   hold. */
static int32_t deep_team(const struct allometer_model *model, size_t shared_limit) {
    const int32_t tiles = ((model->width + TILE_ROWS - 1) / TILE_ROWS)
                          * ((deep_block(model) + TILE_COLUMNS - 1) / TILE_COLUMNS);
    int32_t team = WARP_SIZE;
    while (team < tiles && team < CUDA_MAX_TEAM
           && 2 * (size_t)team * STAGE_FLOATS * sizeof(float) <= shared_limit / 2)
        team *= 2;
    return team;
}

/* Shared memory of a deep model's block beside the queue's: as much as leaves room for the blocks that a multiprocessor's
   registers hold, while that is more than twice what the products take. What no array fits is left to the first-level cache.
   Few different amounts, so that models share launches. */
static size_t deep_near_bytes(const struct allometer_model *model, int32_t team, size_t shared_limit) {
    const size_t each_block = 1024, of_queue = CUDA_QUEUE_FLOATS * sizeof(float);
    const size_t least = (size_t)near_shared_offset(team) * sizeof(float) - of_queue;
    size_t blocks = (size_t)(CUDA_MAX_TEAM / team), step = 1024;
    while (blocks > 1 && (shared_limit + each_block) / blocks < 2 * least + of_queue + each_block) --blocks;
    const size_t share = (shared_limit + each_block) / blocks;
    const size_t most = std::max(least, (share - of_queue - each_block) / 16 * 16);
    const int64_t all = deep_floats(model, team / WARP_SIZE, 0),
                  far = deep_floats(model, team / WARP_SIZE, (int64_t)((most - least) / sizeof(float)));
    const size_t used = least + (size_t)(all - far) * sizeof(float);
    while (8 * step < used) step *= 2;
    return std::min(most, (used + step - 1) / step * step);
}

static struct cuda_placement deep_place(const struct allometer_model *model, size_t shared_limit) {
    struct cuda_placement place = {};
    place.kernel = &allometer_cuda_deep;
    place.team = deep_team(model, shared_limit);
    place.near_bytes = deep_near_bytes(model, place.team, shared_limit);
    const int64_t near_floats =
        CUDA_QUEUE_FLOATS + (int64_t)(place.near_bytes / sizeof(float)) - near_shared_offset(place.team);
    place.bytes = (size_t)deep_floats(model, place.team / WARP_SIZE, near_floats) * sizeof(float);
    return place;
}

struct cuda_placement cuda_place(const struct allometer_model *model, size_t shared_limit) {
    if (allometer_is_general(model)) return deep_place(model, shared_limit);
    struct cuda_placement place = {};
    place.kernel = first_that_holds(small_kernels[model->activation], CUDA_N_SMALL, model);
    if (!place.kernel) place.kernel = first_that_holds(allometer_cuda_large, CUDA_N_LARGE, model);
    place.team = team_for(place.kernel, model, shared_limit);
    place.bytes = workspace_bytes(place.kernel, model, place.team);
    place.in_shared = team_fits(place.kernel, model, place.team, shared_limit);
    if (place.in_shared) return place;
    place.kernel = first_that_holds(allometer_cuda_global, CUDA_N_GLOBAL, model);
    place.team = CUDA_MAX_TEAM;
    place.bytes = workspace_bytes(place.kernel, model, place.team);
    return place;
}

/* Blocks of one launch all have the largest workspace among its models: up to twice their own. */
static int size_class(size_t bytes) {
    return 63 - __builtin_clzll((unsigned long long)bytes | 1);
}

static std::tuple<const struct cuda_kernel *, int32_t, size_t, int>
group_of(const struct cuda_placement &place) {
    return {place.kernel, place.team, place.near_bytes, size_class(place.bytes)};
}

bool cuda_same_group(const struct cuda_placement &a, const struct cuda_placement &b) {
    return group_of(a) == group_of(b);
}

static bool by_group_then_cost(const struct cuda_entry &a, const struct cuda_entry &b) {
    return std::make_tuple(-a.group_cost, group_of(a.placement), -a.cost, a.index)
           < std::make_tuple(-b.group_cost, group_of(b.placement), -b.cost, b.index);
}

/* Models that differ by their seeds alone are in order as they come. */
static void sort_plan(std::vector<struct cuda_entry> *plan) {
    if (!std::is_sorted(plan->begin(), plan->end(), by_group_then_cost))
        std::sort(plan->begin(), plan->end(), by_group_then_cost);
}

/* As neighbors in a sweep often do: then one placement is found for both. */
static bool differ_by_seed_alone(const struct allometer_model *a, const struct allometer_model *b) {
    static_assert(offsetof(struct allometer_model, seed) == 0, "all that follows is compared");
    const size_t from = sizeof a->seed, bytes = offsetof(struct allometer_model, subtasks)
                                                + (size_t)a->n_subtasks * sizeof *a->subtasks;
    return memcmp(reinterpret_cast<const char *>(a) + from, reinterpret_cast<const char *>(b) + from,
                  bytes - from)
           == 0;
}

std::vector<struct cuda_entry> cuda_plan(const struct allometer_model *models, size_t n_models,
                                         size_t shared_limit, bool reverse) {
    std::vector<struct cuda_entry> plan(n_models);
    for (size_t i = 0; i < n_models; ++i) {
        if (i > 0 && differ_by_seed_alone(&models[i - 1], &models[i])) {
            plan[i] = plan[i - 1];
            plan[i].index = i;
        } else {
            plan[i] = {i, allometer_model_flops(&models[i]), cuda_place(&models[i], shared_limit), 0};
        }
    }
    sort_plan(&plan); /* group costs still equal: groups side by side */
    for (size_t i = 0; i < n_models; ++i) {
        const bool begins = i == 0 || !cuda_same_group(plan[i].placement, plan[i - 1].placement);
        plan[i].group_cost = begins ? plan[i].cost : plan[i - 1].group_cost;
    }
    sort_plan(&plan);
    if (reverse) std::reverse(plan.begin(), plan.end());
    return plan;
}
