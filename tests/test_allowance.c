/* What is left of a machine inside of containers and jobs: trees of files as Linux shows them. */
#include "backend.h"
#include "allowance.h"
#include "scratch.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_below(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", scratch_folder, name);
    for (char *slash = strchr(path + strlen(scratch_folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void machine_of_64_gigabytes(void) {
    write_below("proc/meminfo",
                "MemTotal:       67108864 kB\nMemFree:         1000000 kB\nMemAvailable:   62500000 kB\n");
}

static void test_machine_without_groups(void **state) {
    (void)state;
    assert_true(allowed_memory(scratch_folder) == 0); /* not known */
    machine_of_64_gigabytes();
    assert_true(allowed_memory(scratch_folder) == 64e9);
    assert_int_equal(allowed_threads(scratch_folder, 24), 24);
}

/* A job's limits may stand at any level, here that of processors above that of memory. */
static void test_groups_of_version_2(void **state) {
    (void)state;
    machine_of_64_gigabytes();
    write_below("proc/self/cgroup", "0::/slurm/job_7/step_0\n");
    write_below("sys/fs/cgroup/slurm/job_7/cpu.max", "350000 100000\n");
    write_below("sys/fs/cgroup/slurm/job_7/memory.max", "max\n");
    write_below("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "max 100000\n");
    write_below("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "16000000000\n");
    assert_true(allowed_memory(scratch_folder) == 16e9);
    write_below("sys/fs/cgroup/slurm/job_7/step_0/memory.current", "9000000000\n");
    assert_true(allowed_memory(scratch_folder) == 7e9);
    /* What files take can be had back; of other lines it is not. */
    write_below(
        "sys/fs/cgroup/slurm/job_7/step_0/memory.stat",
        "anon 1000000000\ninactive_file 5000000000\nactive_file 2000000000\nactive_anon 1000000000\n");
    assert_true(allowed_memory(scratch_folder) == 14e9);
    assert_int_equal(allowed_threads(scratch_folder, 24), 4);
    assert_int_equal(allowed_threads(scratch_folder, 2), 2);
    write_below("sys/fs/cgroup/slurm/cpu.max", "50000 100000\n");
    assert_int_equal(allowed_threads(scratch_folder, 24), 1);
    write_below("sys/fs/cgroup/slurm/memory.max", "1000\n");
    write_below("sys/fs/cgroup/slurm/memory.current", "2000\n");
    assert_true(allowed_memory(scratch_folder) == 1); /* none, yet known */
}

/* In a container the path is the host's, and what is mounted is the container's own group. */
static void test_groups_of_version_1(void **state) {
    (void)state;
    machine_of_64_gigabytes();
    write_below(
        "proc/self/cgroup",
        "5:cpu,cpuacct:/docker/12ab\n4:memory:/docker/12ab\n2:cpuset:/docker/12ab\n0::/docker/12ab\n");
    write_below("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"); /* none is set */
    write_below("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    write_below("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_true(allowed_memory(scratch_folder) == 64e9);
    assert_int_equal(allowed_threads(scratch_folder, 24), 24);
    write_below("sys/fs/cgroup/memory/memory.limit_in_bytes", "8000000000\n");
    write_below("sys/fs/cgroup/memory/memory.usage_in_bytes", "3000000000\n");
    write_below("sys/fs/cgroup/memory/memory.stat", "active_file 1\ntotal_inactive_file 1000000000\n");
    write_below("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "800000\n");
    assert_true(allowed_memory(scratch_folder) == 6e9);
    assert_int_equal(allowed_threads(scratch_folder, 24), 8);
}

static void test_files_that_say_nothing(void **state) {
    (void)state;
    machine_of_64_gigabytes();
    write_below("proc/self/cgroup", "\n0\n::\n0:\n4:memory\n3:memoryless:/a\n0::/a\n");
    write_below("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000\n"); /* not of this process */
    write_below("sys/fs/cgroup/a/memory.max", "");
    write_below("sys/fs/cgroup/a/cpu.max", "200000\n");
    assert_true(allowed_memory(scratch_folder) == 64e9);
    assert_int_equal(allowed_threads(scratch_folder, 24), 24);
    write_below("sys/fs/cgroup/a/cpu.max", "0 100000\n");
    assert_int_equal(allowed_threads(scratch_folder, 24), 24);
}

/* One that no allocation of this process reaches. */
static void test_limit_of_the_process(void **state) {
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    const double most = 0x1p60;
    const struct rlimit lower = {(rlim_t)most, limit.rlim_max};
    if (setrlimit(RLIMIT_AS, &lower) != 0) skip();
    const double before = allowed_memory(scratch_folder);
    write_below("proc/self/statm", "1099511627776 3000 100 5 0 4000 0\n");
    const double after = allowed_memory(scratch_folder);
    machine_of_64_gigabytes();
    const double of_the_machine = allowed_memory(scratch_folder);
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    assert_true(before == most);
    assert_true(after == most - 0x1p40 * (double)sysconf(_SC_PAGESIZE));
    assert_true(of_the_machine == 64e9);
}

static void test_default_threads(void **state) {
    (void)state;
    const int threads = default_threads();
    assert_in_range(threads, 1, ALLOMETER_MAX_THREADS);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_machine_without_groups), TEST(test_groups_of_version_2),  TEST(test_groups_of_version_1),
        TEST(test_files_that_say_nothing), TEST(test_limit_of_the_process), TEST(test_default_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
