/* What the host may ask of a backend: one table of functions for each. Only backends know about devices. */
#ifndef ALLOMETER_BACKEND_H
#define ALLOMETER_BACKEND_H

#include "fitting.h"
#include "model.h"

#include <signal.h>
#include <stddef.h>

/* Every function of the library that can fail returns one of these and leaves its message in the error. */
enum allometer_code {
    ALLOMETER_OK = 0,
    ALLOMETER_FAILED = 1,      /* the work failed: I/O, memory, device; exit code 1 */
    ALLOMETER_BAD_INPUT = 2,   /* the user must change something; exit code 2 */
    ALLOMETER_INTERRUPTED = 3, /* *stop was set: what was finished is kept */
};

struct allometer_error {
    enum allometer_code code;
    char message[1024];
};

/* Formats the message (printf style), sets the code and returns it, so that a failing function can end with
   `return allometer_fail(error, ALLOMETER_BAD_INPUT, "...")`. error may be NULL. */
enum allometer_code allometer_fail(struct allometer_error *error, enum allometer_code code,
                                   const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One finished model. weights: allometer_n_parameters(model) floats, or NULL unless keep_weights was set. Calls
   come one at a time, in any order of models, from any thread, and may not train in turn; a code other than OK ends the
   training, which returns it with the message that was left in error. */
typedef enum allometer_code (*allometer_model_done)(void *user, size_t index,
                                                    const struct allometer_result *result,
                                                    const float *weights, struct allometer_error *error);

struct allometer_training {
    const struct allometer_model *models; /* M of them */
    size_t n_models;
    int keep_weights;
    const volatile sig_atomic_t *stop; /* may be NULL; checked between models */
    allometer_model_done done;
    void *user;
};

/* Whether a stop was asked for. Relaxed and atomic: a signal handler writes it while the threads of a backend read. */
static inline int allometer_stop_asked(const volatile sig_atomic_t *stop) {
    return stop && __atomic_load_n(stop, __ATOMIC_RELAXED);
}

/* Of the CPU: OpenMP ends the program where it cannot start as many as it is asked for. */
enum { ALLOMETER_MAX_THREADS = 4096 };

struct allometer_device_options {
    int threads; /* CPU; 0: all that OpenMP offers, within the processor time granted to a container or job */
    const char *instruction_set; /* CPU: NULL for the best that this machine has, else one name from `info` */
    int reverse;                 /* testing aid: take the models in reverse order */
};

struct allometer_device; /* opened by a backend, known to it alone */

struct allometer_backend {
    const char *name;        /* "cpu", "cuda" */
    const char *description; /* one line for `allometer info` */
    /* Opens all devices of this kind; options: NULL for the defaults. BAD_INPUT with a plain reason where there is none.
       Close what was opened, once; NULL is fine. */
    enum allometer_code (*open)(struct allometer_device **device,
                                const struct allometer_device_options *options,
                                struct allometer_error *error);
    void (*close)(struct allometer_device *device);
    /* One line on what was opened: processor, instruction set, threads; or each GPU. Valid until close. */
    const char *(*describe)(const struct allometer_device *device);
    /* One word for the arithmetic: results are the same bit for bit where backend and this word are. May be NULL. */
    const char *(*instruction_set)(const struct allometer_device *device);
    /* Bytes that training this model needs beside the device's own (for plans), per concurrently trained model;
       *concurrent: how many models are trained at once. */
    size_t (*memory)(const struct allometer_device *device, const struct allometer_model *model,
                     int *concurrent);
    /* Trains and measures the models, longest first, each independent of all others. OK where there are none. It does not
       check them: they must be as allometer_model_check asks, but that with test_samples = 0 nothing is measured. */
    enum allometer_code (*train)(struct allometer_device *device, const struct allometer_training *training,
                                 struct allometer_error *error);
    /* Fits the whole batch, each problem independent of all others; what the batch holds is not checked. NULL: this backend
       cannot. */
    enum allometer_code (*fit)(struct allometer_device *device, const struct allometer_fitting *fitting,
                               struct allometer_error *error);
};

/* Differs as a rule between a program and a module that was built with other structs than it, such as a module left over
   from an earlier installation. */
enum {
    ALLOMETER_MODULE_LAYOUT = sizeof(struct allometer_backend) + 3 * sizeof(struct allometer_model)
                              + 5 * sizeof(struct allometer_result) + 7 * sizeof(struct allometer_layer)
                              + 11 * sizeof(struct allometer_data) + 13 * sizeof(struct allometer_training)
                              + 17 * sizeof(struct allometer_fitting) + 19 * sizeof(struct allometer_program)
};

/* "0.1.0": of the library that is loaded, which may be another than the one whose headers were read. */
const char *allometer_version(void);

extern const struct allometer_backend allometer_cpu;

/* The backend of that name, opened by `open` above; "cuda" is loaded from its own module the first time it is
   asked for. NULL with a message if unknown or not built. */
const struct allometer_backend *allometer_backend_find(const char *name, struct allometer_error *error);

/* Multiply-adds counted as two, exponentials and the like as one: of all T steps of one model. */
double allometer_training_flops(const struct allometer_model *model);
/* The same, of measuring it afterwards: with many layers and neurons more than of training, for each neuron is silenced in turn. */
double allometer_measuring_flops(const struct allometer_model *model);
/* Both. */
double allometer_model_flops(const struct allometer_model *model);

/* Checks every field against its range; BAD_INPUT names the field, its value and what was expected. */
enum allometer_code allometer_model_check(const struct allometer_model *model, struct allometer_error *error);

#endif
