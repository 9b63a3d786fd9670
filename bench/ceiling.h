/* What this machine can do at most, measured: the yardstick beside every number of the bench. */
#ifndef ALLOMETER_CEILING_H
#define ALLOMETER_CEILING_H

/* One compilation for each instruction set; each function runs on the calling thread for about `seconds` and returns
   operations per second. */
struct ceiling {
    const char *name;
    double (*multiply_adds)(double seconds); /* single precision, each counted as two operations */
    double (*exponentials)(double seconds);  /* vf_exp_u15, as the kernels compute them */
};

#endif
