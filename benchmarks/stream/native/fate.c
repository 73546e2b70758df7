#include "fate.h"

static double uniform(uint64_t seed, uint64_t number, uint64_t draw) {
    uint64_t z = seed * 0xD1342543DE82EF95u + number * 0x9E3779B97F4A7C15u + draw * 0xA0761D6478BD642Fu;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

Fate draw_fate(const Network *network, uint64_t number) {
    Fate fate = {.latency = network->latency + network->jitter * uniform(network->seed, number, 0),
                 .rate = network->connection_rate};
    double fault = uniform(network->seed, number, 1);
    fate.refused = fault < network->refused_share;
    fate.cut = !fate.refused && fault < network->refused_share + network->cut_share;
    fate.cut_at = uniform(network->seed, number, 2);
    fate.slow = uniform(network->seed, number, 3) < network->slow_share;
    if (fate.slow) {
        fate.latency *= network->slow_times;
        fate.rate /= network->slow_times;
    }
    return fate;
}
