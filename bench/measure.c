/* Runs a command several times and prints the least, median and most of its wall-clock seconds and its largest resident
   memory in MiB: measure REPEATS COMMAND [ARGUMENT...]. What the command prints is dropped; its errors are not. */
#include "bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_REPEATS = 1000 };

static double run_once(char **command, double *mebibytes) {
    double start = bench_now();
    pid_t child = fork();
    if (child < 0) bench_quit("cannot start a process");
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) != child) bench_quit("cannot wait for the process");
    double seconds = bench_now() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) bench_quit("the command failed");
    *mebibytes = (double)usage.ru_maxrss / 1024;
    return seconds;
}

int main(int argc, char **argv) {
    double seconds[MOST_REPEATS], mebibytes = 0;
    int repeats = argc > 2 ? atoi(argv[1]) : 0;
    if (repeats < 1 || repeats > MOST_REPEATS) bench_quit("usage: measure REPEATS COMMAND [ARGUMENT...]");
    for (int r = 0; r < repeats; ++r) {
        double now;
        seconds[r] = run_once(argv + 2, &now);
        if (now > mebibytes) mebibytes = now;
    }
    struct spread spread = bench_spread(seconds, repeats);
    printf("%.6f %.6f %.6f %.2f\n", spread.least, spread.median, spread.most, mebibytes);
    return 0;
}
