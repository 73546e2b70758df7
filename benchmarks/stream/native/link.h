/* A client's connection, with its own connection to the server: one request and its reply at a time. */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "fate.h"
#include "flow.h"
#include "folder.h"

typedef struct {
    uint64_t requests, bytes_sent, bytes_received, slow, refused, cut, connections;
    int most_connections, most_requests, open, under_way;
} Counters;

typedef struct {
    Network network;
    struct sockaddr_in server;
    const char *folder; /* or NULL: replies come from the server */
    int epoll;
    Clock total;
    Counters counters;
} Proxy;

struct Link {
    Proxy *proxy;
    End client, server;
    Flow up, down;
    Fate fate;
    File file;
    double release;          /* the reply is held back until then */
    double due;              /* call `link_advance` again at this time; infinity if an event will come first */
    int64_t left_before_cut; /* -1: the connection does not break */
    bool under_way, is_local, is_closed;
};

/* Take an accepted connection. Return NULL if there is no memory. */
Link *link_open(Proxy *proxy, int fd);

/* Move all bytes that can be moved now, within a bound for each call. */
void link_advance(Link *link, double now);

/* Close both connections. The client of a broken one gets a reset. */
void link_close(Link *link, bool breaks);

/* Write the counters as one line of JSON. Return its length. */
int counters_json(const Counters *counters, char *out, size_t room);
