#define _GNU_SOURCE
#include "message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool header_value(const char *head, size_t size, const char *name, char *value, size_t room) {
    size_t length = strlen(name);
    const char *end = head + size, *line = memchr(head, '\n', size);
    while (line && ++line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) break;
        if ((size_t)(stop - line) > length && line[length] == ':' && strncasecmp(line, name, length) == 0) {
            const char *from = line + length + 1, *to = stop;
            while (from < to && (*from == ' ' || *from == '\t')) from++;
            while (to > from && (to[-1] == '\r' || to[-1] == ' ')) to--;
            size_t count = (size_t)(to - from) < room - 1 ? (size_t)(to - from) : room - 1;
            memcpy(value, from, count);
            value[count] = 0;
            return true;
        }
        line = stop;
    }
    return false;
}

static void read_head(Message *message, const char *head, size_t size, bool is_reply, bool answers_head) {
    char value[64];
    message->status = is_reply && size > 12 ? atoi(head + 9) : 0;
    message->is_head_request = !is_reply && size > 5 && memcmp(head, "HEAD ", 5) == 0;
    message->closes = header_value(head, size, "connection", value, sizeof value) && strcasecmp(value, "close") == 0;
    message->expects = header_value(head, size, "expect", value, sizeof value);
    message->chunked =
        header_value(head, size, "transfer-encoding", value, sizeof value) && strcasecmp(value, "chunked") == 0;
    message->has_body_length = header_value(head, size, "content-length", value, sizeof value);
    message->left = message->has_body_length ? strtoll(value, NULL, 10) : 0;
    int status = message->status;
    if (answers_head || (is_reply && (status < 200 || status == 204 || status == 304))) {
        message->stage = COMPLETE;
    } else if (message->chunked) {
        message->stage = CHUNK_SIZE;
    } else if (message->has_body_length) {
        message->stage = message->left > 0 ? BODY : COMPLETE;
    } else {
        message->stage = is_reply ? UNTIL_CLOSE : COMPLETE;
    }
    message->line = 0;
}

static void take_line_byte(Message *message, char byte) {
    if (message->stage == CHUNK_SIZE && message->line == 0) message->left = 0;
    if (byte == '\n') {
        bool empty = message->line == 0;
        message->line = 0;
        if (message->stage == CHUNK_END) {
            message->stage = CHUNK_SIZE;
        } else if (message->stage == TRAILER) {
            if (empty) message->stage = COMPLETE;
        } else {
            message->stage = message->left > 0 ? CHUNK : TRAILER;
        }
        return;
    }
    if (byte == '\r') return;
    message->line++;
    if (message->stage != CHUNK_SIZE) return;
    int digit = byte >= '0' && byte <= '9'                 ? byte - '0'
                : (byte | 32) >= 'a' && (byte | 32) <= 'f' ? (byte | 32) - 'a' + 10
                                                           : -1;
    if (digit >= 0 && message->line <= 15) message->left = message->left * 16 + digit;
    if (digit < 0) message->line += 16; /* an extension of the chunk */
}

size_t message_take(Message *message, const char *bytes, size_t size, bool is_reply, bool answers_head) {
    size_t taken = 0;
    if (message->stage == HEAD) {
        const char *end = memmem(bytes, size, "\r\n\r\n", 4);
        if (!end) return 0;
        taken = (size_t)(end - bytes) + 4;
        read_head(message, bytes, taken, is_reply, answers_head);
    }
    while (taken < size && message->stage != COMPLETE) {
        if (message->stage == UNTIL_CLOSE) return size;
        if (message->stage == BODY || message->stage == CHUNK) {
            size_t count = size - taken;
            if ((int64_t)count > message->left) count = (size_t)message->left;
            taken += count;
            message->left -= (int64_t)count;
            if (message->left == 0) message->stage = message->stage == BODY ? COMPLETE : CHUNK_END;
        } else {
            take_line_byte(message, bytes[taken++]);
        }
    }
    return taken;
}
