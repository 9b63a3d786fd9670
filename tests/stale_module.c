/* A CUDA module that was built with other structs than the program that finds it. */
#include "backend.h"

__attribute__((visibility("default"))) extern const int allometer_cuda_layout;
__attribute__((visibility("default"))) extern const struct allometer_backend allometer_cuda;

const int allometer_cuda_layout = ALLOMETER_MODULE_LAYOUT + 1;
const struct allometer_backend allometer_cuda = {.name = "cuda", .description = "stale"};
