/* Replies without a server behind: files of a folder and their ranges, as S3 serves them, without signatures. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    int fd; /* -1 if there is no body of a file */
    off_t at;
    int64_t left;
} File;

/* Write the head of the reply to a GET or HEAD request, and open its file. Return the number of bytes written. */
size_t folder_reply(const char *folder, const char *head, size_t size, char *out, size_t room, File *file);

/* Write a whole reply with an S3 error. */
size_t error_reply(int status, const char *code, int closes, int is_head, char *out, size_t room);
