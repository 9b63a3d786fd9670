/* What fitting needs at least: counted from the formulas, whatever a solver does with them. */
#ifndef ALLOMETER_FIT_FLOOR_H
#define ALLOMETER_FIT_FLOOR_H

#include "ceiling.h"
#include "laws.h"

/* Of so many Levenberg-Marquardt steps on a curve of n points, least squares of log y; all 0 where the law's operations are
   not known here. */
struct floor fit_floor(const struct allometer_law *law, double n_points, double steps);

#endif
