#include "window.h"

#include <math.h>

#include "header.h"

enum { TRIES = 10 };

/* A stream of random numbers: `Draws` of draws.py, SplitMix64. */
typedef struct {
    uint64_t state, count;
} Stream;

static const uint64_t GAMMA = 0x9E3779B97F4A7C15u;

static uint64_t finish(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t state_of(uint64_t epoch, int64_t number) { return finish((epoch ^ (uint64_t)number) + GAMMA); }

static double uniform(Stream *stream, double low, double high) {
    uint64_t z = finish(stream->state + ++stream->count * GAMMA);
    return low + (high - low) * ((double)(z >> 11) * 0x1p-53);
}

static int integer(Stream *stream, int low, int high) {
    int above = (int)(uniform(stream, 0, 1) * (high - low + 1));
    return low + (above < high - low ? above : high - low);
}

typedef struct {
    int left, top, width, height;
} Crop;

/* `random_crop` of crop.py. */
static Crop draw_crop(int width, int height, const double rule[RULE], Stream *stream) {
    double area = (double)width * height;
    for (int i = 0; i < TRIES; i++) {
        double target = area * uniform(stream, rule[0], rule[1]);
        double aspect = exp(uniform(stream, rule[2], rule[3]));
        double w = rint(sqrt(target * aspect)), h = rint(sqrt(target / aspect));
        if (0 < w && w <= width && 0 < h && h <= height) {
            int top = integer(stream, 0, height - (int)h);
            return (Crop){integer(stream, 0, width - (int)w), top, (int)w, (int)h};
        }
    }
    double w = width, h = height;
    if (w / h < rule[4])
        h = fmax(1, rint(width / rule[4]));
    else if (w / h > rule[5])
        w = fmax(1, rint(height * rule[5]));
    return (Crop){(width - (int)w) / 2, (height - (int)h) / 2, (int)w, (int)h};
}

static int ceil_div(int a, int b) { return (a + b - 1) / b; }

/* The greatest reduction that leaves the crop `side` pixels wide and high. */
static int scale_of(const Header *header, const Crop *crop, double side) {
    double width = header->width * side / crop->width, height = header->height * side / crop->height;
    for (int scale = 8; scale > 1; scale /= 2)
        if (ceil_div(header->width, scale) >= width && ceil_div(header->height, scale) >= height) return scale;
    return 1;
}

int draw_window(const uint8_t *data, size_t size, uint64_t state, const double rule[RULE], double window[WINDOW]) {
    Header header;
    Stream stream = {state, 0};
    if (!read_header(data, size, &header) || header.width < 1 || header.height < 1) return 0;
    Crop crop = draw_crop(header.width, header.height, rule, &stream);
    int mirror = rule[6] > 0 && uniform(&stream, 0, 1) < rule[6];
    int scale = rule[8] != 0 ? scale_of(&header, &crop, rule[7]) : 1;
    double left = (double)crop.left / scale, top = (double)crop.top / scale;
    double right = fmin((double)(crop.left + crop.width) / scale, ceil_div(header.width, scale));
    double bottom = fmin((double)(crop.top + crop.height) / scale, ceil_div(header.height, scale));
    double x = floor(left), y = floor(top);
    const double row[WINDOW - 1] = {scale,    x,       y,         ceil(right), ceil(bottom),
                                    left - x, top - y, right - x, bottom - y,  mirror};
    for (int i = 0; i < WINDOW - 1; i++) window[i] = row[i];
    return 1;
}
