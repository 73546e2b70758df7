#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STEPS = 8, REPLY_BYTES = 2048 };
static const char COUNTERS[] = "GET /_counters ";

int counters_json(const Counters *c, char *out, size_t room) {
    return snprintf(out, room,
                    "{\"requests\": %llu, \"bytes_sent\": %llu, \"bytes_received\": %llu, \"slow\": %llu, \"refused\": "
                    "%llu, \"cut\": %llu, \"connections\": %llu, \"most_connections\": %d, \"most_requests\": %d}\n",
                    (unsigned long long)c->requests, (unsigned long long)c->bytes_sent,
                    (unsigned long long)c->bytes_received, (unsigned long long)c->slow, (unsigned long long)c->refused,
                    (unsigned long long)c->cut, (unsigned long long)c->connections, c->most_connections,
                    c->most_requests);
}

static void watch(Proxy *proxy, End *end) {
    int one = 1;
    setsockopt(end->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = end};
    epoll_ctl(proxy->epoll, EPOLL_CTL_ADD, end->fd, &event);
}

Link *link_open(Proxy *proxy, int fd) {
    Link *link = calloc(1, sizeof *link);
    if (!link) return NULL;
    *link = (Link){.proxy = proxy, .due = INFINITY, .left_before_cut = -1, .file.fd = -1};
    link->client = (End){fd, false, false, link};
    link->server = (End){-1, false, false, link};
    watch(proxy, &link->client);
    Counters *counters = &proxy->counters;
    counters->connections++;
    if (++counters->open > counters->most_connections) counters->most_connections = counters->open;
    return link;
}

static void close_server(Link *link) {
    if (link->server.fd >= 0) close(link->server.fd);
    link->server.fd = -1;
}

void link_close(Link *link, bool breaks) {
    if (link->is_closed) return;
    link->is_closed = true;
    struct linger reset = {1, 0};
    if (breaks) setsockopt(link->client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(link->client.fd);
    close_server(link);
    if (link->file.fd >= 0) close(link->file.fd);
    link->proxy->counters.open--;
    if (link->under_way) link->proxy->counters.under_way--;
}

static void connect_server(Link *link) {
    if (link->server.fd >= 0) return;
    link->server.readable = link->server.writable = false;
    link->server.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->server.fd < 0) return;
    connect(link->server.fd, (struct sockaddr *)&link->proxy->server, sizeof link->proxy->server);
    watch(link->proxy, &link->server); /* a failure arrives as an event */
}

static void begin_request(Link *link, double now) {
    Proxy *proxy = link->proxy;
    Counters *counters = &proxy->counters;
    const char *head = link->up.bytes + link->up.start;
    size_t size = link->up.parsed - link->up.start, count = 0;
    char reply[REPLY_BYTES];
    link->under_way = true;
    if (++counters->under_way > counters->most_requests) counters->most_requests = counters->under_way;
    link->down.message = (Message){0};
    link->left_before_cut = -1;
    pace_begin(&link->up.pace, now);
    if (size > sizeof COUNTERS && memcmp(head, COUNTERS, sizeof COUNTERS - 1) == 0) {
        char body[1024];
        int length = counters_json(counters, body, sizeof body);
        count = (size_t)snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", length, body);
        link->fate = (Fate){0};
    } else {
        link->fate = draw_fate(&proxy->network, counters->requests++);
        counters->slow += link->fate.slow;
        if (link->fate.refused) {
            counters->refused++;
            Message *request = &link->up.message;
            count = error_reply(503, "SlowDown", request->expects, request->is_head_request, reply, sizeof reply);
            if (request->expects) request->stage = COMPLETE, request->closes = true;
        } else if (proxy->folder) {
            count = folder_reply(proxy->folder, head, size, reply, sizeof reply, &link->file);
            if (link->fate.cut && link->file.left > 1) {
                link->left_before_cut = (int64_t)count + (int64_t)(link->fate.cut_at * (double)link->file.left);
            }
        }
    }
    link->release = now + link->fate.latency;
    link->is_local = count > 0;
    if (count) {
        flow_put(&link->down, reply, count);
        pace_begin(&link->down.pace, link->release);
    } else {
        connect_server(link);
    }
}

static bool move_up(Link *link, double now) {
    Flow *flow = &link->up;
    bool moved = false;
    if (flow->message.stage != COMPLETE) {
        Progress progress = flow_fill(flow, &link->client);
        if (flow_scan(flow, false, false)) begin_request(link, now);
        bool is_too_long = flow->message.stage == HEAD && flow->end - flow->start == FLOW_BYTES;
        if (progress == ENDED || is_too_long) {
            link_close(link, false);
            return false;
        }
        moved = progress == MOVED;
    }
    size_t size = flow->parsed - flow->start;
    if (size == 0) return moved;
    if (link->is_local) {
        flow->start = flow->parsed;
        return true;
    }
    if (!link->server.writable || link->server.fd < 0) return moved;
    Proxy *proxy = link->proxy;
    size = pace_allows(&flow->pace, &proxy->total, link->fate.rate, proxy->network.total_rate, size, now, &link->due);
    ssize_t sent = size ? flow_send(flow, &link->server, size, -1, NULL) : 0;
    if (sent < 0) {
        link_close(link, true);
        return false;
    }
    proxy->counters.bytes_received += (uint64_t)sent;
    return moved || sent > 0;
}

static void finish_request(Link *link) {
    bool closes = link->up.message.closes || link->down.message.closes || (!link->is_local && link->server.fd < 0);
    if (link->file.fd >= 0) close(link->file.fd);
    link->file = (File){.fd = -1};
    link->under_way = false;
    link->proxy->counters.under_way--;
    link->up.message = link->down.message = (Message){0};
    if (closes) link_close(link, false);
}

/* Read the server's reply as far as there is room for it. Return true if bytes arrived. */
static bool receive_reply(Link *link, double now) {
    Flow *flow = &link->down;
    Progress progress = flow_fill(flow, &link->server);
    if (progress == ENDED) {
        close_server(link);
        if (flow->message.stage == UNTIL_CLOSE) flow->message.stage = COMPLETE;
        bool is_over = flow->message.stage == HEAD || (flow->message.stage != COMPLETE && flow->start == flow->end);
        if (link->under_way && is_over) link_close(link, true);
        return false;
    }
    if (!link->under_way || flow->message.stage == COMPLETE) return false;
    if (flow_scan(flow, true, link->up.message.is_head_request) && flow->message.status >= 200) {
        pace_begin(&flow->pace, link->release > now ? link->release : now);
        int64_t body = flow->message.stage == COMPLETE ? 0 : (int64_t)(flow->parsed - flow->start) + flow->message.left;
        if (link->fate.cut && flow->message.stage == BODY && body > 1) {
            link->left_before_cut = 1 + (int64_t)(link->fate.cut_at * (double)(body - 1));
        }
    }
    return progress == MOVED;
}

static bool move_down(Link *link, double now) {
    Flow *flow = &link->down;
    Proxy *proxy = link->proxy;
    bool moved = link->is_local ? false : receive_reply(link, now);
    if (!link->under_way || link->is_closed || flow->message.stage == HEAD) return moved;
    bool is_interim = flow->message.status < 200;
    if (link->is_local && link->up.message.stage != COMPLETE) return moved;
    if (!is_interim && link->release > now) {
        if (link->release < link->due) link->due = link->release;
        return moved;
    }
    bool from_file = flow->parsed == flow->start && link->file.left > 0;
    size_t size = from_file ? (size_t)link->file.left : flow->parsed - flow->start;
    if (link->left_before_cut >= 0 && (int64_t)size > link->left_before_cut) size = (size_t)link->left_before_cut;
    if (size && link->client.writable) {
        if (from_file && size > FLOW_BYTES) size = FLOW_BYTES;
        size =
            pace_allows(&flow->pace, &proxy->total, link->fate.rate, proxy->network.total_rate, size, now, &link->due);
        ssize_t sent = size ? flow_send(flow, &link->client, size, from_file ? link->file.fd : -1, &link->file.at) : 0;
        if (sent < 0) {
            link_close(link, true);
            return false;
        }
        if (from_file) link->file.left -= sent;
        if (link->left_before_cut >= 0) link->left_before_cut -= sent;
        proxy->counters.bytes_sent += (uint64_t)sent;
        moved = moved || sent > 0;
    }
    if (link->left_before_cut == 0) {
        proxy->counters.cut++;
        link_close(link, true);
    } else if (flow->start == flow->parsed && link->file.left == 0) {
        if (is_interim) {
            flow->message = (Message){0};
            return true;
        }
        if (flow->message.stage == COMPLETE && link->up.message.stage == COMPLETE) {
            finish_request(link);
            return true;
        }
        if (!link->is_local && link->server.fd < 0) link_close(link, true); /* the server broke off */
    }
    return moved;
}

void link_advance(Link *link, double now) {
    link->due = INFINITY;
    for (int step = 0; step < STEPS; step++) {
        if (link->is_closed) return;
        bool moved = move_up(link, now);
        if (!link->is_closed) moved = move_down(link, now) || moved;
        if (!moved) return;
    }
    link->due = now; /* the others' turn first */
}
