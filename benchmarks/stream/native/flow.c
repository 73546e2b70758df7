#define _GNU_SOURCE
#include "flow.h"

#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

Progress flow_fill(Flow *flow, End *from) {
    if (flow->start == flow->end) flow->start = flow->parsed = flow->end = 0;
    if (flow->end == FLOW_BYTES && flow->start > 0) {
        memmove(flow->bytes, flow->bytes + flow->start, flow->end - flow->start);
        flow->end -= flow->start, flow->parsed -= flow->start, flow->start = 0;
    }
    if (from->fd < 0 || !from->readable || flow->end == FLOW_BYTES) return NOTHING;
    ssize_t count = recv(from->fd, flow->bytes + flow->end, FLOW_BYTES - flow->end, 0);
    if (count > 0) {
        flow->end += (size_t)count;
        return MOVED;
    }
    if (count < 0 && errno == EINTR) return MOVED;
    from->readable = false;
    return count < 0 && errno == EAGAIN ? NOTHING : ENDED;
}

bool flow_scan(Flow *flow, bool is_reply, bool answers_head) {
    bool was_head = flow->message.stage == HEAD;
    if (flow->parsed == flow->end) return false;
    flow->parsed +=
        message_take(&flow->message, flow->bytes + flow->parsed, flow->end - flow->parsed, is_reply, answers_head);
    return was_head && flow->message.stage != HEAD;
}

ssize_t flow_send(Flow *flow, End *to, size_t size, int file, off_t *offset) {
    ssize_t count =
        file < 0 ? send(to->fd, flow->bytes + flow->start, size, MSG_NOSIGNAL) : sendfile(to->fd, file, offset, size);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        to->writable = errno == EINTR;
        return 0;
    }
    if (count <= 0) return -1; /* a file that has become shorter ends like a broken connection */
    if (file < 0) flow->start += (size_t)count;
    pace_sent(&flow->pace, (size_t)count);
    return count;
}

void flow_put(Flow *flow, const char *text, size_t size) {
    memcpy(flow->bytes, text, size);
    flow->start = 0;
    flow->parsed = flow->end = size;
    flow->message = (Message){.stage = COMPLETE, .status = 200};
}
