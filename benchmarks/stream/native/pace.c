#include "pace.h"

enum { CHUNK = 64 << 10 };
static const double LATE = 0.002; /* seconds: a thread that wakes up late catches up with this much */

static double reserve(Clock *clock, double rate, size_t bytes, double now) {
    if (rate <= 0) return now;
    double start = clock->free_at > now - LATE ? clock->free_at : now - LATE;
    clock->free_at = start + (double)bytes / rate;
    return start;
}

size_t pace_allows(Pace *pace, Clock *total, double rate, double total_rate, size_t wanted, double now, double *due) {
    if (pace->reserved == 0) {
        size_t bytes = (rate > 0 || total_rate > 0) && wanted > CHUNK ? CHUNK : wanted;
        double own = reserve(&pace->clock, rate, bytes, now), shared = reserve(total, total_rate, bytes, now);
        pace->reserved = bytes;
        pace->starts_at = own > shared ? own : shared;
    }
    if (pace->starts_at > now) {
        if (pace->starts_at < *due) *due = pace->starts_at;
        return 0;
    }
    return wanted < pace->reserved ? wanted : pace->reserved;
}

void pace_sent(Pace *pace, size_t bytes) { pace->reserved -= bytes < pace->reserved ? bytes : pace->reserved; }

void pace_begin(Pace *pace, double now) {
    if (pace->clock.free_at < now) pace->clock.free_at = now;
    pace->reserved = 0;
}
