#include "store.h"
#include "text.h"
#include "verbs.h"

#include <cyaml/cyaml.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#ifdef __clang__ /* which names itself there; gcc tells its number only */
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif
#define ROW(set) #set,
static const char *const instruction_sets[] = {ALLOMETER_INSTRUCTION_SETS};
#undef ROW
static const char *const backends[] = {"cpu", "cuda"};
enum {
    N_SETS = sizeof instruction_sets / sizeof *instruction_sets,
    N_BACKENDS = sizeof backends / sizeof *backends
};

/* What a backend says of its devices, or why it has none; 1 or 0. */
static int describe(const char *name, const char *instruction_set, char *text, size_t size) {
    struct allometer_error error;
    struct allometer_device *device;
    const struct allometer_device_options device_options = {.instruction_set = instruction_set};
    const struct allometer_backend *backend = allometer_backend_find(name, &error);
    if (!backend || backend->open(&device, &device_options, &error)) {
        snprintf(text, size, "%s", error.message);
        return 0;
    }
    snprintf(text, size, "%s", backend->describe(device));
    backend->close(device);
    return 1;
}

static void print_text(void) {
    char text[sizeof((struct allometer_error *)0)->message];
    printf("allometer %s\n%s, libcyaml %s, OpenMP %d, compiled by %s\n\nBackends\n", ALLOMETER_VERSION,
           allometer_store_library(), cyaml_version_str, _OPENMP, COMPILER);
    for (int i = 0; i < N_BACKENDS; i++) {
        int found = describe(backends[i], NULL, text, sizeof text);
        printf("  %-6s %s%s\n", backends[i], found ? "" : "none: ", text);
    }
    puts("\nInstruction sets of the CPU, narrowest first; the last that this machine has is used");
    for (int i = 0; i < N_SETS; i++) {
        int found = describe("cpu", instruction_sets[i], text, sizeof text);
        printf("  %-6s %s\n", instruction_sets[i], found ? text : "not on this machine");
    }
}

static void print_json(void) {
    char text[sizeof((struct allometer_error *)0)->message];
    printf("{\"version\": \"%s\", \"store\": \"%s\", \"libcyaml\": \"%s\", \"openmp\": %d, \"compiler\": ",
           ALLOMETER_VERSION, allometer_store_library(), cyaml_version_str, _OPENMP);
    text_write_json(stdout, COMPILER);
    for (int i = 0; i < N_BACKENDS; i++) {
        int found = describe(backends[i], NULL, text, sizeof text);
        printf("%s{\"name\": \"%s\", \"available\": %s, \"description\": ", i ? ", " : ",\n \"backends\": [",
               backends[i], found ? "true" : "false");
        text_write_json(stdout, text);
        putchar('}');
    }
    for (int i = 0; i < N_SETS; i++)
        printf("%s{\"name\": \"%s\", \"available\": %s}", i ? ", " : "],\n \"instruction_sets\": [",
               instruction_sets[i],
               describe("cpu", instruction_sets[i], text, sizeof text) ? "true" : "false");
    puts("]}");
}

int verb_info(int argc, char **argv) {
    const char *documentation = "Lists the versions of allometer and of what it stands on, the backends "
                                "with the devices they find here, and the "
                                "instruction sets compiled in, with whether this machine has them.\v"
                                "Example:\n  allometer info --json";
    return verb_list(argc, argv, documentation, print_text, print_json);
}
