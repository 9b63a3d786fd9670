#define _GNU_SOURCE /* asprintf */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The descriptor of a new file beside the target, with the rights of the one to be replaced, if any; or -1. */
static int open_partial(struct output *output, const struct stat *replaced) {
    if (asprintf(&output->partial, "%s.%ld.partial", output->target, (long)getpid()) < 0) {
        output->partial = NULL;
        errno = ENOMEM;
        return -1;
    }
    int descriptor = open(output->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor < 0 || !replaced) return descriptor;
    /* Another's file stays theirs where we may say so. */
    if (fchown(descriptor, replaced->st_uid, replaced->st_gid) == 0 || replaced->st_uid == geteuid())
        fchmod(descriptor, replaced->st_mode & 0777);
    return descriptor;
}

static void forget_partial(struct output *output) {
    free(output->partial);
    free(output->target);
    output->partial = output->target = NULL;
}

/* How the path is written best: through standard output, beside itself, or directly. */
static int open_output(struct output *output) {
    struct stat own, there, link;
    int is_there = stat(output->path, &there) == 0;
    /* Opened anew, a file that standard output appends to would be cut, and a socket refused. */
    if (is_there && fstat(STDOUT_FILENO, &own) == 0 && is_same(&own, &there)) {
        fflush(stdout);
        return dup(STDOUT_FILENO);
    }
    int is_new = !is_there && lstat(output->path, &link) != 0;
    if (is_new || (is_there && S_ISREG(there.st_mode))) {
        if (is_there && access(output->path, W_OK) != 0) return -1;
        output->target = is_new ? strdup(output->path) : realpath(output->path, NULL);
        int descriptor = output->target ? open_partial(output, is_there ? &there : NULL) : -1;
        if (descriptor >= 0) return descriptor;
        int reason = errno;
        forget_partial(output);
        /* The folder may be closed, the file in it not; also files of /proc/self/fd have no name to be replaced. */
        errno = reason;
        if (is_new || (reason != EACCES && reason != ENOENT && reason != EROFS)) return -1;
    }
    return open(output->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

/* Whether the folder of a file that is not there yet may be written. */
static int is_folder_open(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int is_open = folder && access(folder, W_OK) == 0, reason = errno;
    free(folder);
    errno = reason;
    return is_open;
}

enum allometer_code output_check(const char *path, struct allometer_error *error) {
    struct stat own, there, link;
    int is_there = stat(path, &there) == 0, is_open = 1;
    if (is_there && fstat(STDOUT_FILENO, &own) == 0 && is_same(&own, &there)) return ALLOMETER_OK;
    if (is_there && S_ISDIR(there.st_mode))
        is_open = 0, errno = EISDIR;
    else if (is_there && S_ISREG(there.st_mode))
        is_open = access(path, W_OK) == 0;
    else if (!is_there && lstat(path, &link) != 0)
        is_open = is_folder_open(path);
    return is_open ? ALLOMETER_OK
                   : allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: %s", path, strerror(errno));
}

enum allometer_code output_begin(struct output *output, const char *path, struct allometer_error *error) {
    *output = (struct output){.path = path};
    int descriptor = open_output(output);
    if (descriptor >= 0) output->file = fdopen(descriptor, "w");
    if (output->file) {
        errno = 0; /* output_finish tells what it has become */
        return ALLOMETER_OK;
    }
    enum allometer_code code = allometer_fail(error, errno == ENOSPC ? ALLOMETER_FAILED : ALLOMETER_BAD_INPUT,
                                              "%s: %s", path, strerror(errno));
    if (descriptor >= 0) close(descriptor);
    if (output->partial) unlink(output->partial);
    forget_partial(output);
    return code;
}

enum allometer_code output_finish(struct output *output, enum allometer_code code,
                                  struct allometer_error *error) {
    int reason = errno,
        is_lost = ferror(output->file); /* a buffer that was lost before now left its reason */
    if (fclose(output->file) != 0 && !is_lost) is_lost = 1, reason = errno;
    if (is_lost && code) {
        struct allometer_error why = *error;
        allometer_fail(error, code, "%s: %s", output->path, why.message);
    } else if (is_lost) {
        code = allometer_fail(error, ALLOMETER_FAILED, "%s: %s", output->path,
                              reason ? strerror(reason) : "cannot be written");
    }
    if (output->partial && !code && rename(output->partial, output->target) != 0)
        code = allometer_fail(error, ALLOMETER_FAILED, "%s: %s", output->path, strerror(errno));
    if (output->partial && code) unlink(output->partial);
    forget_partial(output);
    return code;
}
