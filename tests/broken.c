/* Programs that are wrong on purpose, one for each thing that a sanitizer must see: a build whose sanitizers have
   been switched off by a flag or by the environment fails the tests that run this one. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int one = 1; /* what the compiler cannot know, it cannot warn of */

static void overflow(void) {
    int *values = calloc((size_t)one, sizeof *values);
    if (!values) exit(1);
    volatile int *past_the_end = values;
    past_the_end[one] = 1;
    free(values);
}

static void *volatile lost;

static void leak(void) {
    for (int i = 0; i < 2; ++i) lost = malloc(16); /* the first is lost */
    free(lost);
}

static void undefined(void) {
    volatile int largest = INT_MAX;
    largest = largest + one;
}

static void race(void) {
    int sum = 0;
#pragma omp parallel num_threads(4)
    for (int i = 0; i < 1000; ++i) sum += one;
    printf("%d\n", sum);
}

/* Correct: what OpenMP orders must not be reported. */
static void barrier(void) {
    int values[4] = {0}, sum = 0;
#pragma omp parallel num_threads(4)
    for (int step = 0; step < 100; ++step) {
#pragma omp for
        for (int i = 0; i < 4; ++i) values[i] += one;
#pragma omp single
        for (int i = 0; i < 4; ++i) sum += values[i];
#pragma omp critical
        sum += one;
#pragma omp barrier
    }
    printf("%d\n", sum);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {{"overflow", overflow},
                 {"leak", leak},
                 {"undefined", undefined},
                 {"race", race},
                 {"barrier", barrier}};
    for (size_t i = 0; argc == 2 && i < sizeof cases / sizeof *cases; ++i) {
        if (strcmp(argv[1], cases[i].name) != 0) continue;
        cases[i].run();
        return 0;
    }
    return 2;
}
