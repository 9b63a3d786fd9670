/* The public interface of liballometer: all that a program needs to plan, train, measure, store and fit. */
#ifndef ALLOMETER_H
#define ALLOMETER_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "model.h"
#include "backend.h"
#include "sweep.h"
#include "plan.h"
#include "table.h"
#include "store.h"
#include "run.h"

#ifdef __cplusplus
}
#endif

#endif
