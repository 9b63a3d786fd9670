/* The CUDA module as it was built: it loads into a program that knows nothing of CUDA, and finds a GPU or says plainly
   that there is none. */
#include "backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void test_loads_and_opens(void **state) {
    (void)state;
    struct allometer_error error = {0};
    const struct allometer_backend *backend = allometer_backend_find("cuda", &error);
    if (!backend) fail_msg("%s", error.message);
    assert_string_equal(backend->name, "cuda");
    struct allometer_device_options options = {0};
    struct allometer_device *device;
    if (backend->open(&device, &options, &error) == ALLOMETER_OK) {
        print_message("%s\n", backend->describe(device));
        backend->close(device);
        return;
    }
    print_message("%s\n", error.message);
    assert_int_equal(error.code, ALLOMETER_BAD_INPUT);
    assert_memory_equal(error.message, "no GPU", 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_loads_and_opens)};
    if (access(BINARY_DIR "/allometer_cuda.so", F_OK) != 0) {
        printf("skipped: built without the CUDA module\n");
        return 77;
    }
    setenv("ALLOMETER_MODULE_FOLDER", BINARY_DIR, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
