/* How much of the machine is this process's own: what control groups (of a container, a batch system's job) and limits of the
   process leave of it. `root` stands before the paths of /proc and /sys: "" but in tests. */
#ifndef ALLOMETER_ALLOWANCE_H
#define ALLOMETER_ALLOWANCE_H

/* Bytes of memory that may still be taken; 0 where it is not known. */
double allowed_memory(const char *root);

/* `offered` threads, or the least number that takes all the processor time that control groups grant. */
int allowed_threads(const char *root, int offered);

/* Threads where none are asked for: as many as OpenMP offers, within limits unless OMP_NUM_THREADS asks for them, at
   most ALLOMETER_MAX_THREADS. */
int default_threads(void);

#endif
