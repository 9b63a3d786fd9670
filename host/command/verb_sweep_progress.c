#include "verb_sweep.h"

#include <math.h>
#include <stdio.h>
#include <sys/ioctl.h>
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

enum { COUNTS_SIZE = 192 };

static int counts_text(char text[COUNTS_SIZE], const struct allometer_run_progress *progress) {
    char left[32];
    duration_text(left, progress->seconds_left);
    return snprintf(text, COUNTS_SIZE, "%llu/%llu models, %.3g models/s, %s left, %llu diverged",
                    (unsigned long long)progress->n_done, (unsigned long long)progress->n_models,
                    progress->models_per_second, left, (unsigned long long)progress->n_diverged);
}

/* Columns of the terminal but one: a longer line would be wrapped, and every new one scroll. */
static int line_width(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col - 1 : 79;
}

static void print_bar(void *user, const struct allometer_run_progress *progress) {
    enum { WIDTH = 24 };
    (void)user;
    double share = progress->n_models ? (double)progress->n_done / (double)progress->n_models : 1;
    int filled = (int)(share * WIDTH);
    char counts[COUNTS_SIZE];
    const int width = line_width(), has_bar = counts_text(counts, progress) + WIDTH + 3 <= width;
    fputc('\r', stderr);
    if (has_bar) fprintf(stderr, "[%.*s%*s] ", filled, "########################", WIDTH - filled, "");
    fprintf(stderr, "%.*s\033[K", width, counts); /* clears what a longer line left behind */
    fflush(stderr);
}

static void print_line(void *user, const struct allometer_run_progress *progress) {
    (void)user;
    char counts[COUNTS_SIZE];
    counts_text(counts, progress);
    fprintf(stderr, "%s\n", counts);
}

void sweep_progress_begin(struct allometer_run_options *options) {
    const int is_terminal = isatty(STDERR_FILENO);
    options->progress = is_terminal ? print_bar : print_line;
    options->progress_seconds = is_terminal ? 0.1 : 5;
}

void sweep_progress_end(const struct allometer_run_options *options) {
    if (options->progress == print_bar) fputc('\n', stderr);
}
