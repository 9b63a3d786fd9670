/* Keys that a sweep file gives though no model of the sweep looks at them: a mistake, for whoever gives a key expects
   something of it. */
#ifndef ALLOMETER_SWEEP_UNUSED_H
#define ALLOMETER_SWEEP_UNUSED_H

#include "sweep_internal.h"
#include "sweep_marks.h"

enum allometer_code sweep_check_unused(const struct sweep_marks *marks, const struct allometer_sweep *sweep,
                                       struct allometer_error *error);

#endif
