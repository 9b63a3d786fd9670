#include "fit_internal.h"

enum allometer_code allometer_fits_plot(const struct allometer_fits *fits, const char *path, int keep,
                                        struct allometer_error *error) {
    (void)fits, (void)keep;
    return allometer_fail(error, ALLOMETER_FAILED, "%s: pictures are not drawn yet", path);
}
