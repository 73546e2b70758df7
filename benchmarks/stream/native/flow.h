/* One direction of a connection: bytes on their way, and the message that they belong to. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "message.h"
#include "pace.h"

enum { FLOW_BYTES = 128 << 10 };

typedef struct Link Link;

typedef struct {
    int fd; /* -1 if there is none */
    bool readable, writable;
    Link *link;
} End;

typedef struct {
    size_t start, parsed, end; /* bytes[start..parsed] may be sent; those up to `end` are not looked at yet */
    Message message;
    Pace pace;
    char bytes[FLOW_BYTES];
} Flow;

typedef enum { NOTHING, MOVED, ENDED } Progress;

/* Receive as many bytes as there is room for. */
Progress flow_fill(Flow *flow, End *from);

/* Look at the bytes received. Return true if the head of the message is complete by this call. */
bool flow_scan(Flow *flow, bool is_reply, bool answers_head);

/* Send at most `size` bytes of the flow, or of a file if `file` is not -1. Return the bytes sent, or -1 at a broken
 * connection. */
ssize_t flow_send(Flow *flow, End *to, size_t size, int file, off_t *offset);

/* Put a text into an empty flow, as a complete message. */
void flow_put(Flow *flow, const char *text, size_t size);
