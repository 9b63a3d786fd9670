/* Backends by name. The CPU's is linked in. CUDA's is a module of its own, because loading its libraries takes a
   good part of a second and 200 MB, and because the program must start where no driver is installed. */
#include "backend.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef ALLOMETER_MODULE_FOLDER
#define ALLOMETER_MODULE_FOLDER "/usr/local/lib/allometer"
#endif

static const char module_name[] = "allometer_cuda.so";
static const char module_symbol[] = "allometer_cuda", layout_symbol[] = "allometer_cuda_layout";

const char *allometer_version(void) {
    return ALLOMETER_VERSION;
}

static const struct allometer_backend *module_load(const char *path, struct allometer_error *error) {
    /* Never closed: a backend may be in use until the program ends. */
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        allometer_fail(error, ALLOMETER_FAILED, "the cuda backend does not load: %s", dlerror());
        return NULL;
    }
    const struct allometer_backend *backend = dlsym(module, module_symbol);
    const int *layout = dlsym(module, layout_symbol);
    if (backend && layout && *layout == ALLOMETER_MODULE_LAYOUT) return backend;
    allometer_fail(error, ALLOMETER_FAILED,
                   "%s: a module of another allometer, expected the one that was built with this one", path);
    return NULL;
}

static const struct allometer_backend *module_find(struct allometer_error *error) {
    char program[PATH_MAX] = "", path[PATH_MAX + sizeof module_name + 32];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash) *slash = '\0';

    const char *named = getenv("ALLOMETER_MODULE_FOLDER");
    const struct {
        const char *folder, *below;
    } places[] = {{named, ""}, {program, ""}, {program, "/../lib/allometer"}, {ALLOMETER_MODULE_FOLDER, ""}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!places[i].folder || !*places[i].folder) continue;
        snprintf(path, sizeof path, "%s%s/%s", places[i].folder, places[i].below, module_name);
        if (access(path, F_OK) == 0) return module_load(path, error);
    }
    allometer_fail(error, ALLOMETER_BAD_INPUT,
                   "the cuda backend is not installed: there is no %s beside the program%s%s or in %s",
                   module_name, named && *named ? ", in " : "", named ? named : "", ALLOMETER_MODULE_FOLDER);
    return NULL;
}

const struct allometer_backend *allometer_backend_find(const char *name, struct allometer_error *error) {
    static _Atomic(const struct allometer_backend *) cuda; /* threads that ask at once find the same */
    if (!name) name = "";
    if (strcmp(name, "cpu") == 0) return &allometer_cpu;
    if (strcmp(name, "cuda") == 0) {
        const struct allometer_backend *found = cuda;
        if (!found) cuda = found = module_find(error);
        return found;
    }
    allometer_fail(error, ALLOMETER_BAD_INPUT, "unknown backend '%s': expected cpu or cuda", name);
    return NULL;
}
