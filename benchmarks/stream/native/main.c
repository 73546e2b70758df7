/* A proxy that gives a server on this machine the network of a far one. One thread; HTTP/1.1 with keep-alive.
 *
 *     cc -O2 -o proxy *.c -lm
 *     proxy [--server PORT | --serve FOLDER] [--latency-ms N] ...
 *
 * Prints {"port": N}, serves until SIGTERM or the end of its parent, and prints its counters as JSON. A client gets
 * them at /_counters, too. Requests pass unchanged, so that signatures hold.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "link.h"

enum { MOST_LINKS = 4096, EVENTS = 256 };

static Proxy proxy = {.network = {.slow_times = 10}};
static Link *links[MOST_LINKS];
static int link_count;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int read_options(int count, char **words) {
    Network *network = &proxy.network;
    struct {
        const char *name;
        double *to, scale;
    } numbers[] = {
        {"--latency-ms", &network->latency, 1e-3},
        {"--jitter-ms", &network->jitter, 1e-3},
        {"--slow-share", &network->slow_share, 1},
        {"--slow-times", &network->slow_times, 1},
        {"--refused-share", &network->refused_share, 1},
        {"--cut-share", &network->cut_share, 1},
        {"--connection-mbs", &network->connection_rate, 1e6},
        {"--total-mbs", &network->total_rate, 1e6},
    };
    proxy.server = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 1; i + 1 < count; i += 2) {
        bool found = true;
        if (strcmp(words[i], "--server") == 0) {
            proxy.server.sin_port = htons((uint16_t)atoi(words[i + 1]));
        } else if (strcmp(words[i], "--serve") == 0) {
            proxy.folder = words[i + 1];
        } else if (strcmp(words[i], "--seed") == 0) {
            network->seed = strtoull(words[i + 1], NULL, 10);
        } else {
            found = false;
            for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++) {
                if (strcmp(words[i], numbers[j].name) != 0) continue;
                *numbers[j].to = atof(words[i + 1]) * numbers[j].scale;
                found = true;
            }
        }
        if (!found) {
            fprintf(stderr, "unknown option: %s\n", words[i]);
            return 0;
        }
    }
    if (count % 2 == 0 || (!proxy.folder && !proxy.server.sin_port)) {
        fprintf(stderr, "pass --server PORT or --serve FOLDER; each option has one value\n");
        return 0;
    }
    return 1;
}

static int listening(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 1024) != 0) return -1;
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int fd, int *tag) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    epoll_ctl(proxy.epoll, EPOLL_CTL_ADD, fd, &event);
}

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        Link *link = link_count < MOST_LINKS ? link_open(&proxy, fd) : NULL;
        if (link) {
            links[link_count++] = link;
        } else {
            close(fd);
        }
    }
}

static void take_event(End *end, uint32_t events, double time) {
    Link *link = end->link;
    if (link->is_closed) return;
    bool is_server = end == &link->server;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) end->readable = true;
    if (events & EPOLLOUT) end->writable = true;
    if (!is_server && events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        link_close(link, false);
    } else {
        link_advance(link, time);
    }
}

/* Advance the links whose time has come, free the closed ones, and return the time of the next. */
static double advance_due(double time) {
    static int first; /* all begin once, so that none is always last */
    double next = INFINITY;
    first++;
    for (int i = 0; i < link_count; i++) {
        Link *link = links[(i + first) % link_count];
        if (!link->is_closed && link->due <= time) link_advance(link, time);
        if (!link->is_closed && link->due < next) next = link->due;
    }
    for (int i = link_count - 1; i >= 0; i--) {
        if (!links[i]->is_closed) continue;
        free(links[i]);
        links[i] = links[--link_count];
    }
    return next;
}

static void set_timer(int timer, double next) {
    static double set = INFINITY;
    if (next == set) return;
    set = next;
    struct itimerspec at = {0};
    if (next < INFINITY) {
        at.it_value.tv_sec = (time_t)next;
        at.it_value.tv_nsec = (long)((next - floor(next)) * 1e9) + 1;
        if (at.it_value.tv_nsec > 999999999) at.it_value.tv_nsec = 999999999;
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

int main(int count, char **words) {
    static int listener_tag, signal_tag, timer_tag;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!read_options(count, words)) return 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    proxy.epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = listening(), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (listener < 0 || timer < 0 || proxy.epoll < 0) return 1;
    watch(listener, &listener_tag);
    watch(timer, &timer_tag);
    watch(signalfd(-1, &signals, SFD_CLOEXEC), &signal_tag);
    for (bool ended = false; !ended;) {
        double next = advance_due(now());
        bool at_once = next <= now();
        if (!at_once) set_timer(timer, next);
        struct epoll_event events[EVENTS];
        int found = epoll_wait(proxy.epoll, events, EVENTS, at_once ? 0 : -1);
        double time = now();
        for (int i = 0; i < found; i++) {
            void *tag = events[i].data.ptr;
            uint64_t expired;
            if (tag == &listener_tag) {
                accept_all(listener);
            } else if (tag == &timer_tag) {
                if (read(timer, &expired, sizeof expired) < 0) continue;
            } else if (tag == &signal_tag) {
                ended = true;
            } else {
                take_event(tag, events[i].events, time);
            }
        }
    }
    char text[1024];
    counters_json(&proxy.counters, text, sizeof text);
    fputs(text, stdout);
    return 0;
}
