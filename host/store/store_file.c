/* Opening a file of the store: whose it is, what is wrong with it, and the lock of its one writer. */
#define _GNU_SOURCE /* asprintf */
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* One thread at a time uses a connection, or the store's own mutex sees to it: SQLite would take one for every value that
   is bound or read. */
enum { UNSHARED = SQLITE_OPEN_NOMUTEX };

/* SQLite's reasons in the user's words. What is not here is reported in SQLite's own. */
static const struct {
    int reason;
    enum allometer_code code;
    const char *text;
} reasons[] = {
    {SQLITE_FULL, ALLOMETER_FAILED,
     "the disk is full; what was stored before is kept: make room and give the same command again"},
    {SQLITE_NOTADB, ALLOMETER_BAD_INPUT, "not a database: expected a file written by `allometer sweep`"},
    {SQLITE_CORRUPT, ALLOMETER_BAD_INPUT,
     "the file is damaged; take a copy of it from before, or see what `sqlite3 FILE .recover` saves"},
    {SQLITE_BUSY, ALLOMETER_FAILED, "another program is writing to it"},
    {SQLITE_LOCKED, ALLOMETER_FAILED, "another program is writing to it"},
    {SQLITE_READONLY, ALLOMETER_BAD_INPUT, "the file, its folder, or a -wal or -shm beside it is read-only"},
    {SQLITE_PERM, ALLOMETER_BAD_INPUT, "permission denied"},
    {SQLITE_NOMEM, ALLOMETER_FAILED, "out of memory"},
};

/* Why the operating system refused, or 0: asked of the write-ahead log first, to which results go. */
static int system_reason(sqlite3 *db) {
    if (!db) return ENOMEM;
    int reason = 0;
    sqlite3_file *log = NULL;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log && log->pMethods) log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &reason);
    if (!reason) sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &reason);
    return reason ? reason : sqlite3_system_errno(db);
}

enum allometer_code store_fail(const struct store_file *file, const char *doing,
                               struct allometer_error *error) {
    int reason = sqlite3_extended_errcode(file->db), system = system_reason(file->db);
    int primary = reason & 0xff;
    /* A limit on file sizes or a quota is a full disk by another name, which SQLite calls an I/O error. */
    if (primary == SQLITE_IOERR && (system == ENOSPC || system == EFBIG || system == EDQUOT))
        primary = SQLITE_FULL;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].reason == primary)
            return allometer_fail(error, reasons[i].code, "%s: %s (%s)", file->path, reasons[i].text, doing);
    if ((primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) && system)
        return allometer_fail(error, ALLOMETER_FAILED, "%s: %s (%s)", file->path, strerror(system), doing);
    return allometer_fail(error, ALLOMETER_FAILED, "%s: %s (%s)", file->path, sqlite3_errmsg(file->db),
                          doing);
}

enum allometer_code store_execute(const struct store_file *file, const char *sql, const char *doing,
                                  struct allometer_error *error) {
    if (sql && sqlite3_exec(file->db, sql, NULL, NULL, NULL) == SQLITE_OK) return ALLOMETER_OK;
    return sql ? store_fail(file, doing, error)
               : allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory (%s)", file->path, doing);
}

enum allometer_code store_prepare(const struct store_file *file, const char *sql, sqlite3_stmt **statement,
                                  struct allometer_error *error) {
    *statement = NULL;
    if (!sql) return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", file->path);
    if (sqlite3_prepare_v3(file->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK)
        return ALLOMETER_OK;
    return store_fail(file, "preparing", error);
}

enum allometer_code store_ask(const struct store_file *file, const char *sql, const char *doing,
                              int64_t *number, struct allometer_error *error) {
    sqlite3_stmt *statement;
    enum allometer_code code = store_prepare(file, sql, &statement, error);
    if (code) return code;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    else
        code = store_fail(file, doing, error);
    sqlite3_finalize(statement);
    return code;
}

/* The lock is on a file of its own: closing any descriptor of the database itself would drop SQLite's locks. It
   is removed when given back, so having it counts only while the name still means the file that was locked. */
static enum allometer_code lock_take(struct store_file *file, struct allometer_error *error) {
    const char *path = file->path;
    char *name = sqlite3_mprintf("%s-lock", file->name);
    if (!name) return allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", path);
    enum allometer_code code = ALLOMETER_OK;
    struct stat locked, named;
    do {
        if (file->lock >= 0) close(file->lock);
        file->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (file->lock < 0)
            code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: cannot write here: %s", path,
                                  strerror(errno));
        else if (flock(file->lock, LOCK_EX | LOCK_NB) != 0) {
            int reason = errno;
            close(file->lock);
            file->lock = -1;
            code = allometer_fail(
                error, ALLOMETER_FAILED, "%s: %s", path,
                reason == EWOULDBLOCK
                    ? "another allometer is writing to this file; shards at once need an --out each"
                    : strerror(reason));
        }
    } while (!code
             && (fstat(file->lock, &locked) != 0 || stat(name, &named) != 0 || locked.st_ino != named.st_ino
                 || locked.st_dev != named.st_dev));
    sqlite3_free(name);
    return code;
}

static void delete_beside(const struct store_file *file, const char *ending) {
    char *name = sqlite3_mprintf("%s%s", file->name, ending);
    if (name) unlink(name);
    sqlite3_free(name);
}

static void lock_give_back(const struct store_file *file) {
    if (file->lock < 0) return;
    delete_beside(file, "-lock");
    close(file->lock);
}

static enum allometer_code check_owner(const struct store_file *file, int *is_new,
                                       struct allometer_error *error) {
    int64_t application = 0, version = 0, n_objects = 0;
    enum allometer_code code = store_ask(file, "PRAGMA application_id", "opening", &application, error);
    if (!code) code = store_ask(file, "PRAGMA user_version", "opening", &version, error);
    if (!code) code = store_ask(file, "SELECT count(*) FROM sqlite_schema", "opening", &n_objects, error);
    if (code) return code;
    *is_new = application == 0 && version == 0 && n_objects == 0;
    if (*is_new) return ALLOMETER_OK;
    if (application != STORE_APPLICATION)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "%s: a database, but not one of allometer's: choose another name", file->path);
    if (version != STORE_VERSION)
        return allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "%s: written in format %lld; this allometer %s knows format %d", file->path,
                              (long long)version, ALLOMETER_VERSION, STORE_VERSION);
    return ALLOMETER_OK;
}

/* A file in a read-only folder or on a full disk that was closed in good order can be read without SQLite's helper files. */
static enum allometer_code reopen_immutable(struct store_file *file, struct allometer_error *error) {
    sqlite3_str *uri = sqlite3_str_new(NULL);
    sqlite3_str_appendall(uri, "file:");
    for (const char *c = file->name; *c; c++)
        sqlite3_str_appendf(uri, strchr("%?#", *c) ? "%%%02x" : "%c", *c);
    sqlite3_str_appendall(uri, "?immutable=1");
    char *name = sqlite3_str_finish(uri);
    sqlite3_close(file->db);
    file->db = NULL;
    int failed =
        !name || sqlite3_open_v2(name, &file->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | UNSHARED, NULL);
    sqlite3_free(name);
    return failed ? store_fail(file, "opening", error) : ALLOMETER_OK;
}

static int has_no_log(const struct store_file *file) {
    char *log = sqlite3_mprintf("%s-wal", file->name);
    struct stat status;
    int none = log && (stat(log, &status) != 0 || status.st_size == 0);
    sqlite3_free(log);
    return none;
}

static enum allometer_code open_to_read(struct store_file *file, struct allometer_error *error) {
    int is_new = 0;
    if (sqlite3_open_v2(file->name, &file->db, SQLITE_OPEN_READONLY | UNSHARED, NULL) != SQLITE_OK)
        return store_fail(file, "opening", error);
    sqlite3_busy_timeout(file->db, 10000);
    enum allometer_code code = check_owner(file, &is_new, error);
    int reason = sqlite3_errcode(file->db);
    int is_closed = reason == SQLITE_CANTOPEN || reason == SQLITE_READONLY, is_full = reason == SQLITE_IOERR;
    if (code && (is_closed || is_full) && has_no_log(file)) {
        code = reopen_immutable(file, error);
        if (!code) code = check_owner(file, &is_new, error);
    } else if (code && is_closed) {
        code = allometer_fail(error, ALLOMETER_BAD_INPUT,
                              "%s: a part of it is in %s-wal, which can be read only where its folder can be "
                              "written: copy both to another",
                              file->path, file->name);
    }
    if (!code && is_new)
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: an empty file: no sweep was stored in it",
                              file->path);
    return code;
}

static int is_closed_to_us(const struct store_file *file, const char *ending) {
    char *name = sqlite3_mprintf("%s%s", file->name, ending);
    int closed = name && access(name, W_OK) != 0 && errno == EACCES;
    sqlite3_free(name);
    return closed;
}

/* A reader who may not write the file leaves an empty log and an index of it, by which nobody else could write either. They
   may go where nobody reads: who does holds one of the bytes that SQLite locks, from 2^30 on, and who begins waits for us. */
static void clear_the_way(const struct store_file *file) {
    int log = is_closed_to_us(file, "-wal") && has_no_log(file), index = is_closed_to_us(file, "-shm");
    if (!log && !index) return;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1 << 30, .l_len = 512};
    int descriptor = open(file->name, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return;
    if (fcntl(descriptor, F_SETLK, &lock) == 0) {
        if (log) delete_beside(file, "-wal");
        if (index) delete_beside(file, "-shm");
    }
    close(descriptor);
}

static enum allometer_code open_to_write(struct store_file *file, int *is_new,
                                         struct allometer_error *error) {
    enum allometer_code code = lock_take(file, error);
    if (code) return code;
    clear_the_way(file);
    if (sqlite3_open_v2(file->name, &file->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | UNSHARED, NULL))
        return store_fail(file, "opening", error);
    sqlite3_busy_timeout(file->db, 10000);
    code = check_owner(file, is_new, error);
    if (!code && sqlite3_db_readonly(file->db, "main"))
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: the file is read-only", file->path);
    /* NORMAL: a commit survives the death of the process at once, and that of the machine after the next checkpoint. */
    if (!code)
        code = store_execute(
            file, "PRAGMA synchronous = NORMAL; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = OFF",
            "opening", error);
    return code;
}

/* A new file is named with its folder: alone, "" and ":memory:" are no files to SQLite, and "file:runs.db" is another. One that
   a link leads to is made, since there is no name for it before. */
static char *name_find(const char *path, enum store_access wanted) {
    char *name = realpath(path, NULL);
    struct stat link;
    if (!name && wanted == STORE_WRITE && lstat(path, &link) == 0) {
        int made = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (made >= 0) close(made);
        name = realpath(path, NULL);
    }
    if (name || *path == '/') return name ? name : strdup(path);
    return asprintf(&name, "./%s", path) < 0 ? NULL : name;
}

enum allometer_code store_file_open(struct store_file *file, const char *path, enum store_access wanted,
                                    int *is_new, struct allometer_error *error) {
    *file = (struct store_file){.path = strdup(path), .name = name_find(path, wanted), .lock = -1};
    struct stat status;
    enum allometer_code code = ALLOMETER_OK;
    if (!file->path || !file->name) {
        code = allometer_fail(error, ALLOMETER_FAILED, "%s: out of memory", path);
    } else if (!*path) {
        code =
            allometer_fail(error, ALLOMETER_BAD_INPUT, "'': expected the name of a store, such as runs.db");
    } else if (stat(path, &status) == 0) {
        if (!S_ISREG(status.st_mode))
            code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: not a regular file", path);
        else if (access(path, wanted == STORE_READ ? R_OK : R_OK | W_OK) != 0)
            code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: %s", path, strerror(errno));
    } else if (wanted == STORE_READ || errno != ENOENT)
        code = allometer_fail(error, ALLOMETER_BAD_INPUT, "%s: %s", path, strerror(errno));
    if (!code) code = wanted == STORE_READ ? open_to_read(file, error) : open_to_write(file, is_new, error);
    if (code) store_file_close(file);
    return code;
}

enum allometer_code store_file_check_place(const struct store_file *file, struct allometer_error *error) {
    int has_moved = 0;
    sqlite3_file_control(file->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    if (!has_moved) return ALLOMETER_OK;
    return allometer_fail(
        error, ALLOMETER_FAILED,
        "%s: was moved or deleted while results were stored; they are in %s-wal: put the file back "
        "beside it and give the same command again",
        file->path, file->name);
}

static void file_free(struct store_file *file) {
    lock_give_back(file);
    free(file->path);
    free(file->name);
    *file = (struct store_file){.lock = -1};
}

void store_file_close(struct store_file *file) {
    sqlite3_close(file->db);
    file_free(file);
}

void store_file_delete(struct store_file *file) {
    sqlite3_close(file->db);
    /* The log first: left behind, it would be taken for that of the next file of this name, and its pages for that file's. */
    delete_beside(file, "-wal");
    delete_beside(file, "-shm");
    delete_beside(file, "");
    file_free(file);
}
