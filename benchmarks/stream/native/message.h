/* Where an HTTP/1.1 message ends: RFC 9112, sections 6.3 and 7.1. The bytes themselves are never changed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { HEAD, BODY, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, UNTIL_CLOSE, COMPLETE } Stage;

typedef struct {
    Stage stage;
    int64_t left; /* bytes left of the body, or of the chunk */
    int status;   /* of a reply */
    bool has_body_length, closes, expects, chunked, is_head_request;
    size_t line; /* bytes of the line of a chunk's size, or of a trailer, so far */
} Message;

/* Return the number of bytes that belong to the message, at most `size`.
 * A head counts only as a whole: 0 while it is incomplete. `answers_head`: a reply to a HEAD request has no body. */
size_t message_take(Message *message, const char *bytes, size_t size, bool is_reply, bool answers_head);

/* Copy the value of a header of a head, or return false. Names are compared without regard to case. */
bool header_value(const char *head, size_t size, const char *name, char *value, size_t room);
