#include "crop/random_crop.h"

#include <math.h>

#include "jpeg/header.h"

enum { TRIES = 10 };

/* `Rng` of rng.py: SplitMix64 (G. Steele, D. Lea and C. Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
 */
typedef struct {
    uint64_t state, count;
} Rng;

static const uint64_t GAMMA = 0x9E3779B97F4A7C15u;

static uint64_t finish(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint64_t rng_state(uint64_t epoch_state, int64_t sample_index) {
    return finish((epoch_state ^ (uint64_t)sample_index) + GAMMA);
}

static double uniform(Rng *rng, double low, double high) {
    uint64_t z = finish(rng->state + ++rng->count * GAMMA);
    return low + (high - low) * ((double)(z >> 11) * 0x1p-53);
}

static int integer(Rng *rng, int low, int high) {
    int above = (int)(uniform(rng, 0, 1) * (high - low + 1));
    return low + (above < high - low ? above : high - low);
}

typedef struct {
    int left, top, width, height;
} Crop;

/* `random_crop` of crop.py. */
static Crop draw(int width, int height, const RandomCropRule *rule, Rng *rng) {
    double area = (double)width * height;
    for (int i = 0; i < TRIES; i++) {
        double target = area * uniform(rng, rule->min_area, rule->max_area);
        double aspect = exp(uniform(rng, rule->min_log_ratio, rule->max_log_ratio));
        double w = rint(sqrt(target * aspect)), h = rint(sqrt(target / aspect));
        if (0 < w && w <= width && 0 < h && h <= height) {
            int top = integer(rng, 0, height - (int)h);
            return (Crop){integer(rng, 0, width - (int)w), top, (int)w, (int)h};
        }
    }
    double w = width, h = height;
    if (w / h < rule->min_ratio)
        h = fmax(1, rint(width / rule->min_ratio));
    else if (w / h > rule->max_ratio)
        w = fmax(1, rint(height * rule->max_ratio));
    return (Crop){(width - (int)w) / 2, (height - (int)h) / 2, (int)w, (int)h};
}

/* `scale_for` of decode.py: the largest reduction that leaves the crop `size` pixels wide and high. */
static int scale_of(const JpegHeader *header, const Crop *crop, double size) {
    double width = header->width * size / crop->width, height = header->height * size / crop->height;
    for (int scale = 8; scale > 1; scale /= 2)
        if (ceil_div(header->width, scale) >= width && ceil_div(header->height, scale) >= height) return scale;
    return 1;
}

Status draw_crop(const uint8_t *data, size_t size, uint64_t state, const RandomCropRule *rule, CropJob *job) {
    JpegHeader header;
    Rng rng = {state, 0};
    if (read_header(data, size, &header) || header.width < 1 || header.height < 1) return UNSUPPORTED;
    Crop crop = draw(header.width, header.height, rule, &rng);
    job->mirror = rule->mirror_probability > 0 && uniform(&rng, 0, 1) < rule->mirror_probability;
    int scale = job->scale = rule->scaled_decode ? scale_of(&header, &crop, rule->size) : 1;
    double left = (double)crop.left / scale, top = (double)crop.top / scale;
    double right = fmin((double)(crop.left + crop.width) / scale, ceil_div(header.width, scale));
    double bottom = fmin((double)(crop.top + crop.height) / scale, ceil_div(header.height, scale));
    double x = floor(left), y = floor(top);
    job->region = (Region){(int)x, (int)y, (int)ceil(right), (int)ceil(bottom)};
    job->box = (Box){left - x, top - y, right - x, bottom - y};
    return DONE;
}
