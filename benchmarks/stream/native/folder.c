#define _GNU_SOURCE
#include "folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "message.h"

static const char LISTING[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys>"
    "<IsTruncated>false</IsTruncated></ListBucketResult>";

size_t error_reply(int status, const char *code, int closes, int is_head, char *out, size_t room) {
    char body[256];
    int size = snprintf(body, sizeof body,
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>Please reduce your "
                        "request rate.</Message></Error>",
                        code);
    return (size_t)snprintf(out, room,
                            "HTTP/1.1 %d %s\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n%s\r\n%s", status,
                            code, size, closes ? "Connection: close\r\n" : "", is_head ? "" : body);
}

/* Decode the path of a request line into `path`, below `folder`. Return 0 if it leaves the folder. */
static int path_of(const char *folder, const char *target, const char *end, char *path, size_t room) {
    int length = snprintf(path, room, "%s", folder);
    if (length < 0) return 0;
    size_t at = (size_t)length;
    for (; target < end && *target != '?' && at + 1 < room; target++) {
        char byte = *target;
        if (byte == '%' && end - target > 2) {
            byte = (char)strtol((char[]){target[1], target[2], 0}, NULL, 16);
            target += 2;
        }
        path[at++] = byte;
    }
    path[at] = 0;
    return strstr(path + length, "..") == NULL;
}

static int range_of(const char *head, size_t size, int64_t total, int64_t *first, int64_t *last) {
    char value[64];
    *first = 0, *last = total - 1;
    if (!header_value(head, size, "range", value, sizeof value) || strncmp(value, "bytes=", 6) != 0) return 200;
    char *dash = strchr(value, '-');
    if (!dash) return 200;
    if (dash == value + 6) {
        int64_t suffix = strtoll(dash + 1, NULL, 10);
        *first = suffix < total ? total - suffix : 0;
    } else {
        *first = strtoll(value + 6, NULL, 10);
        if (dash[1] && strtoll(dash + 1, NULL, 10) < *last) *last = strtoll(dash + 1, NULL, 10);
    }
    return *first <= *last ? 206 : 416;
}

size_t folder_reply(const char *folder, const char *head, size_t size, char *out, size_t room, File *file) {
    const char *target = memchr(head, ' ', size), *end = target ? strpbrk(target + 1, " \r") : NULL;
    int is_head = strncmp(head, "HEAD ", 5) == 0;
    if (!end || (!is_head && strncmp(head, "GET ", 4) != 0))
        return error_reply(405, "MethodNotAllowed", 1, 0, out, room);
    if (memmem(target, (size_t)(end - target), "list-type=2", 11)) {
        return (size_t)snprintf(out, room,
                                "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %zu\r\n\r\n%s",
                                sizeof LISTING - 1, LISTING);
    }
    char path[4096], modified[64];
    struct stat found;
    struct tm when;
    int fd = path_of(folder, target + 1, end, path, sizeof path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
        if (fd >= 0) close(fd);
        return error_reply(404, "NoSuchKey", 0, is_head, out, room);
    }
    int64_t first, last;
    int status = range_of(head, size, found.st_size, &first, &last);
    if (status == 416) {
        close(fd);
        return error_reply(416, "InvalidRange", 0, is_head, out, room);
    }
    strftime(modified, sizeof modified, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&found.st_mtime, &when));
    char range[128] = "";
    if (status == 206)
        snprintf(range, sizeof range, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)first, (long long)last,
                 (long long)found.st_size);
    size_t written = (size_t)snprintf(
        out, room,
        "HTTP/1.1 %s\r\nContent-Length: %lld\r\n%sETag: \"%llx-%llx\"\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\n"
        "Content-Type: application/octet-stream\r\n\r\n",
        status == 206 ? "206 Partial Content" : "200 OK", (long long)(last - first + 1), range,
        (long long)found.st_size, (long long)found.st_mtime, modified);
    if (is_head || last < first) {
        close(fd);
    } else {
        *file = (File){fd, first, last - first + 1};
    }
    return written;
}
