#include "allowance.h"
#include "backend.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static FILE *open_below(const char *folder, const char *name) {
    char path[PATH_SIZE + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "r");
}

/* The number that a file holds; what `otherwise` says where there is no file, or a word such as "max" in it. */
static double number_in(const char *folder, const char *name, double otherwise) {
    double value = otherwise;
    FILE *file = open_below(folder, name);
    if (file && fscanf(file, "%lf", &value) != 1) value = otherwise;
    if (file) fclose(file);
    return value;
}

/* The sum of what follows the names in lines such as "inactive_file 4096" or "MemAvailable: 4096 kB". */
static double named_in(const char *folder, const char *name, const char *first, const char *second) {
    double value, sum = 0;
    char line[256], word[64];
    FILE *file = open_below(folder, name);
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%63s %lf", word, &value) == 2 && (!strcmp(word, first) || !strcmp(word, second)))
            sum += value;
    }
    if (file) fclose(file);
    return sum;
}

/* Of one control group; INFINITY where it sets no limit. Pages of files make room when memory is asked for. */
static double memory_of_group(const char *folder, int version) {
    const double limit = number_in(folder, version == 1 ? "memory.limit_in_bytes" : "memory.max", INFINITY);
    if (isinf(limit)) return limit;
    const double taken = number_in(folder, version == 1 ? "memory.usage_in_bytes" : "memory.current", 0);
    const double files = version == 1
                             ? named_in(folder, "memory.stat", "total_inactive_file", "total_active_file")
                             : named_in(folder, "memory.stat", "inactive_file", "active_file");
    return fmax(1, limit - fmax(0, taken - files));
}

/* Processors' worth of time. */
static double processors_of_group(const char *folder, int version) {
    double quota = -1, period = 0;
    if (version == 1) {
        quota = number_in(folder, "cpu.cfs_quota_us", -1);
        period = number_in(folder, "cpu.cfs_period_us", 0);
    } else {
        FILE *file = open_below(folder, "cpu.max");
        if (file && fscanf(file, "%lf %lf", &quota, &period) != 2) quota = -1;
        if (file) fclose(file);
    }
    return quota > 0 && period > 0 ? quota / period : INFINITY;
}

/* Whether a list such as "cpu,cpuacct" has the word. */
static int has_word(const char *list, const char *word) {
    const size_t length = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (!strncmp(at, word, length) && (at[length] == ',' || at[length] == '\0')) return 1;
    return 0;
}

/* The least that the process's control group and all above it grant. Where a container's own path is not visible inside,
   what is mounted is its group. */
static double least_of_groups(const char *root, const char *controller, double (*of)(const char *, int)) {
    double least = INFINITY;
    char line[PATH_SIZE], group[PATH_SIZE + 256];
    FILE *file = open_below(root, "proc/self/cgroup");
    while (file && fgets(line, sizeof line, file)) { /* "4:memory:/a/b", of version 2 "0::/a/b" */
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        if (!path) continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        const int version = list[1] ? 1 : 2;
        if (version == 1 && !has_word(list + 1, controller)) continue;
        const size_t mounted = (size_t)snprintf(group, sizeof group, "%s/sys/fs/cgroup%s%s", root,
                                                version == 1 ? "/" : "", version == 1 ? controller : "");
        if (mounted >= sizeof group) continue;
        snprintf(group + mounted, sizeof group - mounted, "%s", path);
        for (;;) {
            least = fmin(least, of(group, version));
            if (strlen(group) <= mounted) break;
            *strrchr(group, '/') = '\0';
        }
    }
    if (file) fclose(file);
    return least;
}

double allowed_memory(const char *root) {
    const double available = 1024 * named_in(root, "proc/meminfo", "MemAvailable:", "");
    double least =
        fmin(available > 0 ? available : INFINITY, least_of_groups(root, "memory", memory_of_group));
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        const double taken = number_in(root, "proc/self/statm", 0) * (double)sysconf(_SC_PAGESIZE);
        least = fmin(least, fmax(1, (double)limit.rlim_cur - taken));
    }
    return isinf(least) ? 0 : least;
}

int allowed_threads(const char *root, int offered) {
    const double processors = ceil(least_of_groups(root, "cpu", processors_of_group));
    return processors < offered ? (int)processors : offered;
}

int default_threads(void) {
    const int offered = omp_get_max_threads();
    const int threads = getenv("OMP_NUM_THREADS") ? offered : allowed_threads("", offered);
    return threads < ALLOMETER_MAX_THREADS ? threads : ALLOMETER_MAX_THREADS;
}
