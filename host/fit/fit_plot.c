#define _GNU_SOURCE /* memmem */
/* Pictures through gnuplot, which draws into a temporary file: what it could not draw shows before the old picture goes. */
#include "fit_internal.h"
#include "output.h"
#include "text.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Runs gnuplot on the script; what it draws goes to the picture. */
static enum allometer_code run_gnuplot(FILE *script, FILE *picture, struct allometer_error *error) {
    char program[] = "gnuplot", variable[] = "-e", set[] = "piped = 1", from[] = "-";
    char *arguments[] = {program, variable, set, from, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status, failure = posix_spawn_file_actions_init(&actions);
    if (failure) return allometer_fail(error, ALLOMETER_FAILED, "gnuplot: %s", strerror(failure));
    failure = posix_spawn_file_actions_adddup2(&actions, fileno(script), STDIN_FILENO);
    if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, fileno(picture), STDOUT_FILENO);
    if (!failure) failure = posix_spawnp(&child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure == ENOENT) {
        return allometer_fail(error, ALLOMETER_FAILED, "pictures need gnuplot, which is not installed here");
    }
    if (failure) return allometer_fail(error, ALLOMETER_FAILED, "gnuplot: %s", strerror(failure));
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return allometer_fail(error, ALLOMETER_FAILED, "gnuplot: %s", strerror(errno));
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_FAILED,
                          "gnuplot failed on its script; --keep-plot-files keeps that");
}

/* Copies a picture that is whole: gnuplot tells nothing of what it could not write. */
static enum allometer_code copy_picture(FILE *from, FILE *into, enum picture kind,
                                        struct allometer_error *error) {
    static const char *const ends[] = {
        [PICTURE_SVG] = "</svg>", [PICTURE_PNG] = "IEND", [PICTURE_PDF] = "%%EOF"};
    char buffer[1 << 14], tail[17] = "";
    size_t n;
    if (fseek(from, -16, SEEK_END) == 0) n = fread(tail, 1, 16, from);
    rewind(from);
    if (!memmem(tail, 16, ends[kind], strlen(ends[kind])))
        return allometer_fail(error, ALLOMETER_FAILED, "gnuplot has not drawn all of the picture");
    while ((n = fread(buffer, 1, sizeof buffer, from)) > 0) fwrite(buffer, 1, n, into);
    if (!ferror(from)) return ALLOMETER_OK;
    return allometer_fail(error, ALLOMETER_FAILED, "the picture cannot be read back: %s", strerror(errno));
}

/* The picture, drawn into a temporary file and copied from there: so all errors show. */
static enum allometer_code draw(FILE *script, FILE *into, enum picture kind, struct allometer_error *error) {
    FILE *picture = tmpfile();
    if (!picture) return allometer_fail(error, ALLOMETER_FAILED, "a temporary file: %s", strerror(errno));
    enum allometer_code code = run_gnuplot(script, picture, error);
    if (code == ALLOMETER_OK) code = copy_picture(picture, into, kind, error);
    fclose(picture);
    return code;
}

/* The script, open for reading from its beginning; NULL on errors. */
static FILE *make_script(const struct allometer_fits *fits, const char *path, enum picture kind,
                         const char *kept, struct allometer_error *error) {
    FILE *script = kept ? fopen(kept, "w+") : tmpfile();
    const char *name = kept ? kept : "a temporary file";
    if (!script) {
        allometer_fail(error, ALLOMETER_FAILED, "%s: %s", name, strerror(errno));
        return NULL;
    }
    fit_plot_script(script, fits, path, kind);
    if (fflush(script) == 0 && !ferror(script) && fseek(script, 0, SEEK_SET) == 0) return script;
    allometer_fail(error, ALLOMETER_FAILED, "%s: %s", name, strerror(errno));
    fclose(script);
    return NULL;
}

enum allometer_code allometer_fits_plot(const struct allometer_fits *fits, const char *path, int keep,
                                        struct allometer_error *error) {
    size_t length = strlen(path);
    const char *end = length > 4 ? path + length - 4 : "";
    enum picture kind = strcmp(end, ".png") == 0   ? PICTURE_PNG
                        : strcmp(end, ".pdf") == 0 ? PICTURE_PDF
                                                   : PICTURE_SVG;
    char *kept = keep ? malloc(length + 4) : NULL;
    if (keep && !kept) return allometer_fail(error, ALLOMETER_FAILED, "out of memory");
    if (keep) sprintf(kept, "%s.gp", path);
    struct output output;
    enum allometer_code code = output_begin(&output, path, error);
    if (code == ALLOMETER_OK) {
        locale_t previous = text_enter_locale();
        FILE *script = make_script(fits, path, kind, kept, error);
        uselocale(previous);
        code = script ? draw(script, output.file, kind, error) : ALLOMETER_FAILED;
        if (script) fclose(script);
        if (code != ALLOMETER_OK && error) {
            struct allometer_error why = *error;
            allometer_fail(error, code, "%s: %s", path, why.message);
        }
        code = output_finish(&output, code, error);
    }
    free(kept);
    return code;
}
