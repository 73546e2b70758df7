/* A pace: bytes are reserved before they are sent, in turn, at the rate of their connection and at that of all. */
#pragma once
#include <stddef.h>

typedef struct {
    double free_at; /* when the next bytes may be sent */
} Clock;

typedef struct {
    Clock clock;
    size_t reserved;  /* bytes that may be sent */
    double starts_at; /* from this time on */
} Pace;

/* Return the number of bytes that may be sent now, at most `wanted`. If it is 0, try again at `*due`. */
size_t pace_allows(Pace *pace, Clock *total, double rate, double total_rate, size_t wanted, double now, double *due);

/* Take sent bytes off the reservation. */
void pace_sent(Pace *pace, size_t bytes);

/* Start a body: time that passed before it gives no credit. */
void pace_begin(Pace *pace, double now);
