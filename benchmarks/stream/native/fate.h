/* The fate of a request: drawn from the seed and the number of the request alone, so that a run can be repeated. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t seed;
    double latency, jitter;        /* seconds */
    double slow_share, slow_times; /* a slow request waits longer, and has less bandwidth, by `slow_times` */
    double refused_share, cut_share;
    double connection_rate, total_rate; /* bytes a second; 0 is no limit */
} Network;

typedef struct {
    double latency; /* seconds from the request to the first byte of its reply */
    double rate;    /* bytes a second; 0 is no limit */
    bool slow, refused, cut;
    double cut_at; /* share of the body after which the connection breaks */
} Fate;

Fate draw_fate(const Network *network, uint64_t number);
