/* Stands in for libFuzzer where the compiler has none: runs a corpus, then random mutations of it.
   Usage: fuzz_driver SECONDS CORPUS */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

enum { MOST_SEEDS = 256, MOST_BYTES = 4096 };

static struct {
    uint8_t bytes[MOST_BYTES];
    size_t n;
} seeds[MOST_SEEDS];
static size_t n_seeds;

/* SplitMix64: the same mutations in every run, so that a failure can be met again. */
static uint64_t random_state;
static size_t below(size_t n) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (size_t)((z ^ (z >> 31)) % n);
}

static void read_seeds(const char *folder) {
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        FILE *file = entries[i]->d_name[0] == '.' || n_seeds == MOST_SEEDS ? NULL : fopen(path, "rb");
        if (file) seeds[n_seeds].n = fread(seeds[n_seeds].bytes, 1, MOST_BYTES, file);
        if (file && !fclose(file)) n_seeds++;
        free(entries[i]);
    }
    if (n >= 0) free(entries);
}

/* In memory of its own size, so that a sanitizer sees a read past the end. */
static void run(const uint8_t *bytes, size_t n) {
    uint8_t *exact = malloc(n ? n : 1);
    if (!exact) exit(1);
    memcpy(exact, bytes, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

/* Replaces a stretch by one of another seed, by telling bytes, or by nothing. */
static size_t mutate(uint8_t *bytes, size_t n) {
    static const char *const words[] = {
        "{",      "}", "[",      "]",      ":",   ",",     "- ",    "\n",   "\t",   "&a ", "*a",
        "!!int ", "'", "\"",     "|\n",    "? ",  "-1",    "0",     "1e99", ".nan", "---", "\xff",
        "\\0",    "#", "values", "linear", "log", "count", "start", "zip",  "axes", "seed"};
    uint8_t out[MOST_BYTES];
    size_t from = below(n + 1), cut = below(2) ? 0 : below(n - from + 1) % 24, n_in;
    const uint8_t *in;
    if (below(3)) {
        const char *word = words[below(sizeof words / sizeof words[0])];
        in = (const uint8_t *)word;
        n_in = strlen(word);
    } else {
        size_t seed = below(n_seeds), start = below(seeds[seed].n + 1);
        in = seeds[seed].bytes + start;
        n_in = below(seeds[seed].n - start + 1) % 64;
    }
    if (n - cut + n_in > MOST_BYTES) return n;
    memcpy(out, bytes, from);
    memcpy(out + from, in, n_in);
    memcpy(out + from + n_in, bytes + from + cut, n - from - cut);
    n += n_in - cut;
    memcpy(bytes, out, n);
    return n;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s SECONDS CORPUS\n", argv[0]);
        return 2;
    }
    read_seeds(argv[2]);
    if (n_seeds == 0) {
        fprintf(stderr, "%s: no corpus\n", argv[2]);
        return 1;
    }
    for (size_t i = 0; i < n_seeds; i++) run(seeds[i].bytes, seeds[i].n);
    unsigned long n_runs = 0;
    for (time_t end = time(NULL) + atoi(argv[1]); time(NULL) < end;)
        for (int i = 0; i < 100; i++, n_runs++) {
            uint8_t bytes[MOST_BYTES];
            size_t seed = below(n_seeds), n = seeds[seed].n;
            memcpy(bytes, seeds[seed].bytes, n);
            for (size_t k = 1 + below(4); k > 0; k--) n = mutate(bytes, n);
            run(bytes, n);
        }
    printf("%zu seeds, %lu mutations\n", n_seeds, n_runs);
    return 0;
}
