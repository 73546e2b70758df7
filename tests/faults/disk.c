/* A library for LD_PRELOAD: the n-th call of a kind, on a path under a prefix, fails, is cut short, or kills.
 *
 * The file that WDS_IMAGENET_DISK names holds the script, and the counts of all processes that have it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    OPEN = 1,
    CREATE = 2,
    READ = 4,
    WRITE = 8,
    SYNC = 16,
    RENAME = 32,
    LINK = 64,
    UNLINK = 128,
    MKDIR = 256,
    LIST = 512,
    STAT = 1024,
    LOCK = 2048
};
enum { KILL_BEFORE = -1, KILL_AFTER = -2, SHORT = -3 };

typedef struct {
    uint64_t kinds, first, times; /* times: 0 is for ever */
    int64_t fault;                /* an errno, or one of the above */
    uint64_t count, hits;
    char prefix[1024];
} script_t;

static script_t *script;

__attribute__((constructor)) static void attach(void) {
    const char *path = getenv("WDS_IMAGENET_DISK");
    int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    int file = path == NULL ? -1 : real_open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *map = mmap(NULL, sizeof(script_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    script = map == MAP_FAILED ? NULL : map;
}

/* Returns the fault that this call meets, 0 for none. A call before its effect meets `KILL_BEFORE` here. */
static int64_t meet(unsigned kind, int folder, const char *path) {
    char full[4096];
    if (script == NULL || !(script->kinds & kind) || script->prefix[0] == 0) return 0;
    if (path == NULL || path[0] != '/') {
        char link[64];
        if (folder == AT_FDCWD) return 0;
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, full, sizeof full - 1);
        if (length < 0) return 0;
        full[length] = 0;
        path = full;
    }
    if (strncmp(path, script->prefix, strlen(script->prefix)) != 0) return 0;
    uint64_t number = __atomic_add_fetch(&script->count, 1, __ATOMIC_SEQ_CST);
    if (number < script->first || (script->times != 0 && number >= script->first + script->times)) return 0;
    __atomic_add_fetch(&script->hits, 1, __ATOMIC_SEQ_CST);
    if (script->fault == KILL_BEFORE) kill(0, SIGKILL);
    return script->fault;
}

static void after(int64_t fault) {
    if (fault == KILL_AFTER) kill(0, SIGKILL);
}

#define REAL(type, name, ...)         \
    static type (*real)(__VA_ARGS__); \
    if (real == NULL) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define GUARD(kind, folder, path)             \
    int64_t fault = meet(kind, folder, path); \
    if (fault > 0) {                          \
        errno = (int)fault;                   \
        return -1;                            \
    }

#define RETURN(type, call) \
    type found = call;     \
    after(fault);          \
    return found

static unsigned kind_of_open(int flags) { return flags & (O_CREAT | O_WRONLY | O_RDWR) ? CREATE : OPEN; }

static mode_t mode_of(int flags, va_list rest) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; }

#define OPENER(name)                               \
    int name(const char *path, int flags, ...) {   \
        REAL(int, #name, const char *, int, ...);  \
        va_list rest;                              \
        va_start(rest, flags);                     \
        mode_t mode = mode_of(flags, rest);        \
        va_end(rest);                              \
        GUARD(kind_of_open(flags), AT_FDCWD, path) \
        RETURN(int, real(path, flags, mode));      \
    }
OPENER(open)
OPENER(open64)

#define OPENER_AT(name)                                      \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(int, #name, int, const char *, int, ...);       \
        va_list rest;                                        \
        va_start(rest, flags);                               \
        mode_t mode = mode_of(flags, rest);                  \
        va_end(rest);                                        \
        GUARD(kind_of_open(flags), folder, path)             \
        RETURN(int, real(folder, path, flags, mode));        \
    }
OPENER_AT(openat)
OPENER_AT(openat64)

#define STREAM(name)                                                                            \
    FILE *name(const char *path, const char *mode) {                                            \
        REAL(FILE *, #name, const char *, const char *);                                        \
        int64_t fault = meet(mode[0] == 'r' && mode[1] != '+' ? OPEN : CREATE, AT_FDCWD, path); \
        if (fault > 0) {                                                                        \
            errno = (int)fault;                                                                 \
            return NULL;                                                                        \
        }                                                                                       \
        RETURN(FILE *, real(path, mode));                                                       \
    }
STREAM(fopen)
STREAM(fopen64)

static size_t cut(int64_t fault, size_t size) { return fault == SHORT && size > 1 ? size / 2 : size; }

ssize_t read(int file, void *data, size_t size) {
    REAL(ssize_t, "read", int, void *, size_t);
    GUARD(READ, file, NULL)
    RETURN(ssize_t, real(file, data, cut(fault, size)));
}

ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    GUARD(WRITE, file, NULL)
    RETURN(ssize_t, real(file, data, cut(fault, size)));
}

#define AT_OFFSET(name, kind, constness, offset_t)                               \
    ssize_t name(int file, constness void *data, size_t size, offset_t offset) { \
        REAL(ssize_t, #name, int, constness void *, size_t, offset_t);           \
        GUARD(kind, file, NULL)                                                  \
        RETURN(ssize_t, real(file, data, cut(fault, size), offset));             \
    }
#define NONE
AT_OFFSET(pread, READ, NONE, off_t)
AT_OFFSET(pread64, READ, NONE, off64_t)
AT_OFFSET(pwrite, WRITE, const, off_t)
AT_OFFSET(pwrite64, WRITE, const, off64_t)

#define VECTOR(name, kind, offset_t)                                                                      \
    ssize_t name(int file, const struct iovec *parts, int count, offset_t offset) {                       \
        REAL(ssize_t, #name, int, const struct iovec *, int, offset_t);                                   \
        GUARD(kind, file, NULL)                                                                           \
        struct iovec first = {parts[0].iov_base, cut(fault, parts[0].iov_len)};                           \
        RETURN(ssize_t, real(file, fault == SHORT ? &first : parts, fault == SHORT ? 1 : count, offset)); \
    }
VECTOR(preadv, READ, off_t)
VECTOR(preadv64, READ, off64_t)
VECTOR(pwritev, WRITE, off_t)
VECTOR(pwritev64, WRITE, off64_t)

ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    GUARD(WRITE, file, NULL)
    RETURN(ssize_t, real(file, parts, count));
}

ssize_t sendfile(int to, int from, off_t *offset, size_t size) {
    REAL(ssize_t, "sendfile", int, int, off_t *, size_t);
    GUARD(WRITE, to, NULL)
    RETURN(ssize_t, real(to, from, offset, cut(fault, size)));
}

#define ON_FILE(name, kind)      \
    int name(int file) {         \
        REAL(int, #name, int);   \
        GUARD(kind, file, NULL)  \
        RETURN(int, real(file)); \
    }
ON_FILE(fsync, SYNC)
ON_FILE(fdatasync, SYNC)

int flock(int file, int operation) {
    REAL(int, "flock", int, int);
    GUARD(LOCK, file, NULL)
    RETURN(int, real(file, operation));
}

#define RESIZE(name, offset_t)           \
    int name(int file, offset_t size) {  \
        REAL(int, #name, int, offset_t); \
        GUARD(WRITE, file, NULL)         \
        RETURN(int, real(file, size));   \
    }
RESIZE(ftruncate, off_t)
RESIZE(ftruncate64, off64_t)

#define ON_TWO(name, kind)                            \
    int name(const char *from, const char *to) {      \
        REAL(int, #name, const char *, const char *); \
        GUARD(kind, AT_FDCWD, to)                     \
        RETURN(int, real(from, to));                  \
    }
ON_TWO(rename, RENAME)
ON_TWO(link, LINK)

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    GUARD(RENAME, to_folder, to)
    RETURN(int, real(from_folder, from, to_folder, to));
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    GUARD(LINK, to_folder, to)
    RETURN(int, real(from_folder, from, to_folder, to, flags));
}

#define ON_PATH(name, kind)             \
    int name(const char *path) {        \
        REAL(int, #name, const char *); \
        GUARD(kind, AT_FDCWD, path)     \
        RETURN(int, real(path));        \
    }
ON_PATH(unlink, UNLINK)
ON_PATH(rmdir, UNLINK)

int unlinkat(int folder, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    GUARD(UNLINK, folder, path)
    RETURN(int, real(folder, path, flags));
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    GUARD(MKDIR, AT_FDCWD, path)
    RETURN(int, real(path, mode));
}

int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    GUARD(MKDIR, folder, path)
    RETURN(int, real(folder, path, mode));
}

#define STATUS(name, type)                             \
    int name(const char *path, struct type *status) {  \
        REAL(int, #name, const char *, struct type *); \
        GUARD(STAT, AT_FDCWD, path)                    \
        RETURN(int, real(path, status));               \
    }
STATUS(stat, stat)
STATUS(stat64, stat64)
STATUS(lstat, stat)
STATUS(lstat64, stat64)

#define STATUS_OF_FILE(name, type)            \
    int name(int file, struct type *status) { \
        REAL(int, #name, int, struct type *); \
        GUARD(STAT, file, NULL)               \
        RETURN(int, real(file, status));      \
    }
STATUS_OF_FILE(fstat, stat)
STATUS_OF_FILE(fstat64, stat64)

DIR *opendir(const char *path) {
    REAL(DIR *, "opendir", const char *);
    int64_t fault = meet(LIST, AT_FDCWD, path);
    if (fault > 0) {
        errno = (int)fault;
        return NULL;
    }
    RETURN(DIR *, real(path));
}
