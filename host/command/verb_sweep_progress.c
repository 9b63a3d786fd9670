#include "verb_sweep.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* "3:07" or "2:03:07" or "5d 02:03:07"; "?" while unknown. */
static void duration_text(char text[32], double seconds) {
    if (!(seconds >= 0 && seconds < 1e9)) {
        snprintf(text, 32, "?");
        return;
    }
    long total = lround(seconds), days = total / 86400, hours = total / 3600 % 24, minutes = total / 60 % 60;
    if (days)
        snprintf(text, 32, "%ldd %02ld:%02ld:%02ld", days, hours, minutes, total % 60);
    else if (hours)
        snprintf(text, 32, "%ld:%02ld:%02ld", hours, minutes, total % 60);
    else
        snprintf(text, 32, "%ld:%02ld", minutes, total % 60);
}

static void print_counts(const struct allometer_run_progress *progress) {
    char left[32];
    duration_text(left, progress->seconds_left);
    fprintf(stderr, "%llu/%llu models, %.3g models/s, %s left, %llu diverged",
            (unsigned long long)progress->n_done, (unsigned long long)progress->n_models,
            progress->models_per_second, left, (unsigned long long)progress->n_diverged);
}

static void print_bar(void *user, const struct allometer_run_progress *progress) {
    enum { WIDTH = 24 };
    (void)user;
    double share = progress->n_models ? (double)progress->n_done / (double)progress->n_models : 1;
    int filled = (int)(share * WIDTH);
    fprintf(stderr, "\r[%.*s%*s] ", filled, "########################", WIDTH - filled, "");
    print_counts(progress);
    fputs("\033[K", stderr); /* clears what a longer line left behind */
    fflush(stderr);
}

static void print_line(void *user, const struct allometer_run_progress *progress) {
    (void)user;
    print_counts(progress);
    fputc('\n', stderr);
}

void sweep_progress_begin(struct sweep_progress *progress, struct allometer_run_options *options) {
    progress->is_terminal = isatty(STDERR_FILENO);
    options->progress = progress->is_terminal ? print_bar : print_line;
    options->progress_seconds = progress->is_terminal ? 0.1 : 5;
    options->user = progress;
}

void sweep_progress_end(const struct sweep_progress *progress) {
    if (progress->is_terminal) fputc('\n', stderr);
}
