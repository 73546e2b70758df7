/* Bilinear resize of 8-bit RGB, antialiased or plain, in one pass over pairs of output rows.
 *
 * The filter is Pillow's (and torch's): a triangle around the centre of each output pixel, as wide as
 * the picture shrinks, normalised where it is cut at the picture's sides. Weights are 14-bit, and what the
 * vertical filter gives is rounded to 8 bits before the horizontal one.
 */
#include "resize.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX2 1
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#define HAVE_NEON 1
#endif

enum { BITS = 14, HALF = 1 << (BITS - 1), SLACK = 64 };

/* The weights of one axis: output i takes input first[i] … first[i] + count - 1. */
typedef struct {
    int count; /* of every output alike, even; the surplus weighs nothing */
    int *first;
    int16_t *weights;
} Axis;

static void axis_free(Axis *axis) {
    free(axis->first);
    free(axis->weights);
}

/* Returns 0, or -1 if there is no memory. */
static int axis_make(Axis *axis, int inputs, double low, double high, int outputs, int antialias) {
    double scale = (high - low) / outputs, spread = antialias && scale > 1 ? scale : 1;
    int widest = (int)ceil(2 * spread); /* inputs that are less than `spread` from any place */
    axis->count = (widest + 1) & ~1;
    axis->first = malloc(sizeof(int) * (size_t)outputs);
    axis->weights = calloc((size_t)outputs * (size_t)axis->count, sizeof(int16_t));
    double *exact = malloc(sizeof(double) * (size_t)axis->count);
    if (!axis->first || !axis->weights || !exact) {
        free(exact);
        return -1;
    }
    for (int i = 0; i < outputs; i++) {
        double centre = low + (i + 0.5) * scale, sum = 0;
        int start = (int)floor(centre - spread + 0.5), stop = (int)floor(centre + spread + 0.5);
        if (start < 0) start = 0;
        if (stop > inputs) stop = inputs;
        if (stop - start > axis->count) stop = start + axis->count;
        for (int k = start; k < stop; k++) {
            double away = fabs((k - centre + 0.5) / spread);
            exact[k - start] = away < 1 ? 1 - away : 0;
            sum += exact[k - start];
        }
        /* A window that would pass the picture's end begins earlier, so that every read is inside. */
        int first = start + axis->count > inputs ? inputs - axis->count : start;
        if (first < 0) first = 0;
        int16_t *weights = axis->weights + (size_t)i * (size_t)axis->count;
        /* The running sum is rounded, not each weight, so that the weights sum to one exactly: plain areas
         * stay plain, and even a thousand weights below half a unit are heard. */
        double running = 0;
        int before = 0;
        for (int k = start; k < stop; k++) {
            running += exact[k - start] / sum * (1 << BITS);
            int now = (int)lround(running);
            weights[k - first] = (int16_t)(now - before);
            before = now;
        }
        axis->first[i] = first;
    }
    free(exact);
    return 0;
}

static inline uint8_t to_byte(int32_t sum) {
    sum = (sum + HALF) >> BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* Filters `count` rows into one, bytes [from, to). */
static void column_plain(const uint8_t *rows, ptrdiff_t stride, const int16_t *weights, int count, uint8_t *out,
                         int from, int to) {
    for (int x = from; x < to; x++) {
        int32_t sum = 0;
        for (int k = 0; k < count; k++) sum += weights[k] * rows[k * stride + x];
        out[x] = to_byte(sum);
    }
}

static void row_plain(const uint8_t *row, const Axis *axis, int outputs, uint8_t *out, int mirror) {
    for (int i = 0; i < outputs; i++) {
        const uint8_t *from = row + (size_t)axis->first[i] * CHANNELS;
        const int16_t *weights = axis->weights + (size_t)i * (size_t)axis->count;
        uint8_t *to = out + (size_t)(mirror ? outputs - 1 - i : i) * CHANNELS;
        for (int c = 0; c < CHANNELS; c++) {
            int32_t sum = 0;
            for (int k = 0; k < axis->count; k++) sum += weights[k] * from[k * CHANNELS + c];
            to[c] = to_byte(sum);
        }
    }
}

#ifdef HAVE_AVX2
__attribute__((target("avx2"))) static inline __m256i pair(__m256i low, __m256i high, int which, __m256i weights) {
    __m256i zero = _mm256_setzero_si256();
    __m256i mixed = which < 2 ? _mm256_unpacklo_epi8(low, high) : _mm256_unpackhi_epi8(low, high);
    return _mm256_madd_epi16(which & 1 ? _mm256_unpackhi_epi8(mixed, zero) : _mm256_unpacklo_epi8(mixed, zero),
                             weights);
}

static inline int64_t load_four(const int16_t *weights) {
    int64_t four;
    memcpy(&four, weights, sizeof four);
    return four;
}

/* 32 bytes at a time: neighbouring rows interleaved, so that one multiply-add takes two of them. */
__attribute__((target("avx2"))) static void column_fast(const uint8_t *rows, ptrdiff_t stride,
                                                        const int16_t *weights, int count, uint8_t *out, int from,
                                                        int to) {
    int x = from;
    for (; x + 32 <= to; x += 32) {
        __m256i a = _mm256_set1_epi32(HALF), b = a, c = a, d = a;
        for (int k = 0; k < count; k += 2) {
            int32_t both;
            memcpy(&both, weights + k, sizeof both);
            if (!both) continue;
            __m256i w = _mm256_set1_epi32(both);
            __m256i low = _mm256_loadu_si256((const __m256i *)(rows + k * stride + x));
            __m256i high = _mm256_loadu_si256((const __m256i *)(rows + (k + 1) * stride + x));
            a = _mm256_add_epi32(a, pair(low, high, 0, w));
            b = _mm256_add_epi32(b, pair(low, high, 1, w));
            c = _mm256_add_epi32(c, pair(low, high, 2, w));
            d = _mm256_add_epi32(d, pair(low, high, 3, w));
        }
        a = _mm256_packs_epi32(_mm256_srai_epi32(a, BITS), _mm256_srai_epi32(b, BITS));
        c = _mm256_packs_epi32(_mm256_srai_epi32(c, BITS), _mm256_srai_epi32(d, BITS));
        _mm256_storeu_si256((__m256i *)(out + x), _mm256_packus_epi16(a, c));
    }
    column_plain(rows, stride, weights, count, out, x, to);
}

/* Two rows at once, one in each half of the register; four or two pixels a step. Reads 4 bytes past them, and writes
 * the pixels in the order of the output, each but the last a byte past its end. */
__attribute__((target("avx2"))) static void rows_fast(const uint8_t *one, const uint8_t *two, const Axis *axis,
                                                      int outputs, uint8_t *out_one, uint8_t *out_two, int mirror) {
    const __m256i near = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    const __m256i far = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
    int step = mirror ? -1 : 1, i = mirror ? outputs - 1 : 0;
    for (int place = 0; place < outputs; place++, i += step) {
        size_t from = (size_t)axis->first[i] * CHANNELS;
        const int16_t *weights = axis->weights + (ptrdiff_t)i * axis->count, *end = weights + axis->count;
        __m256i sum = _mm256_set1_epi32(HALF);
        for (; weights + 4 <= end; weights += 4, from += (size_t)4 * CHANNELS) {
            __m256i pixels = _mm256_set_m128i(_mm_loadu_si128((const __m128i *)(two + from)),
                                              _mm_loadu_si128((const __m128i *)(one + from)));
            __m256i four = _mm256_set1_epi64x(load_four(weights));
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, near),
                                                          _mm256_shuffle_epi32(four, 0x00)));
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, far),
                                                          _mm256_shuffle_epi32(four, 0x55)));
        }
        if (weights < end) {
            int32_t both;
            memcpy(&both, weights, sizeof both);
            __m256i pixels = _mm256_set_m128i(_mm_loadl_epi64((const __m128i *)(two + from)),
                                              _mm_loadl_epi64((const __m128i *)(one + from)));
            sum = _mm256_add_epi32(
                sum, _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, near), _mm256_set1_epi32(both)));
        }
        sum = _mm256_srai_epi32(sum, BITS);
        sum = _mm256_packus_epi16(_mm256_packs_epi32(sum, sum), sum);
        uint32_t first = (uint32_t)_mm256_extract_epi32(sum, 0), second = (uint32_t)_mm256_extract_epi32(sum, 4);
        uint8_t *to_one = out_one + (size_t)place * CHANNELS, *to_two = out_two + (size_t)place * CHANNELS;
        if (place + 1 < outputs) {
            memcpy(to_one, &first, sizeof first);
            memcpy(to_two, &second, sizeof second);
        } else {
            memcpy(to_one, &first, CHANNELS);
            memcpy(to_two, &second, CHANNELS);
        }
    }
}

static int is_fast(void) { return __builtin_cpu_supports("avx2"); }
#endif

#ifdef HAVE_NEON
static inline uint8x8_t to_bytes(int32x4_t low, int32x4_t high) {
    return vqmovun_s16(vcombine_s16(vqmovn_s32(vshrq_n_s32(low, BITS)), vqmovn_s32(vshrq_n_s32(high, BITS))));
}

/* 16 bytes at a time. */
static void column_fast(const uint8_t *rows, ptrdiff_t stride, const int16_t *weights, int count, uint8_t *out,
                        int from, int to) {
    int x = from;
    for (; x + 16 <= to; x += 16) {
        int32x4_t a = vdupq_n_s32(HALF), b = a, c = a, d = a;
        for (int k = 0; k < count; k++) {
            uint8x16_t bytes = vld1q_u8(rows + k * stride + x);
            int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
            int16x8_t high = vreinterpretq_s16_u16(vmovl_high_u8(bytes));
            a = vmlal_n_s16(a, vget_low_s16(low), weights[k]);
            b = vmlal_high_n_s16(b, low, weights[k]);
            c = vmlal_n_s16(c, vget_low_s16(high), weights[k]);
            d = vmlal_high_n_s16(d, high, weights[k]);
        }
        vst1q_u8(out + x, vcombine_u8(to_bytes(a, b), to_bytes(c, d)));
    }
    column_plain(rows, stride, weights, count, out, x, to);
}

/* Two rows at once; two pixels of each a step, the second of which begins at the fourth byte. Reads 2 bytes past. */
static void rows_fast(const uint8_t *one, const uint8_t *two, const Axis *axis, int outputs, uint8_t *out_one,
                      uint8_t *out_two, int mirror) {
    for (int i = 0; i < outputs; i++) {
        size_t from = (size_t)axis->first[i] * CHANNELS;
        const int16_t *weights = axis->weights + (size_t)i * (size_t)axis->count;
        int32x4_t a = vdupq_n_s32(HALF), b = a;
        for (int k = 0; k < axis->count; k += 2, from += 2 * CHANNELS) {
            int16x8_t here = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(one + from)));
            int16x8_t there = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(two + from)));
            a = vmlal_n_s16(a, vget_low_s16(here), weights[k]);
            b = vmlal_n_s16(b, vget_low_s16(there), weights[k]);
            a = vmlal_n_s16(a, vget_low_s16(vextq_s16(here, here, CHANNELS)), weights[k + 1]);
            b = vmlal_n_s16(b, vget_low_s16(vextq_s16(there, there, CHANNELS)), weights[k + 1]);
        }
        uint64_t both = vget_lane_u64(vreinterpret_u64_u8(to_bytes(a, b)), 0);
        uint32_t first = (uint32_t)both, second = (uint32_t)(both >> 32);
        size_t to = (size_t)(mirror ? outputs - 1 - i : i) * CHANNELS;
        memcpy(out_one + to, &first, CHANNELS);
        memcpy(out_two + to, &second, CHANNELS);
    }
}

static int is_fast(void) { return 1; }
#endif

#if defined(HAVE_AVX2) || defined(HAVE_NEON)
#define HAVE_FAST 1
#else
static int is_fast(void) { return 0; }
#endif

static void column(const Image *image, const Axis *axis, int i, uint8_t *out, int from, int to, int fast) {
    /* Only where a picture is lower than the filter is `count` more than its rows. */
    int count = axis->count < image->height ? axis->count : image->height;
    const uint8_t *rows = image->pixels + axis->first[i] * image->stride;
    const int16_t *weights = axis->weights + (size_t)i * (size_t)axis->count;
#ifdef HAVE_FAST
    if (fast && count == axis->count) {
        column_fast(rows, image->stride, weights, count, out, from, to);
        return;
    }
#endif
    (void)fast;
    column_plain(rows, image->stride, weights, count, out, from, to);
}

int resize_image(const Image *image, const double box[4], uint8_t *out, ptrdiff_t out_stride, int height,
                 int width, int antialias, int mirror) {
    Axis across = {0}, down = {0};
    size_t line = (size_t)image->width * CHANNELS + (size_t)SLACK * CHANNELS;
    uint8_t *lines = NULL;
    int failed = axis_make(&across, image->width, box[0], box[2], width, antialias) ||
                 axis_make(&down, image->height, box[1], box[3], height, antialias);
    line += (size_t)across.count * CHANNELS;
    if (!failed) failed = (lines = calloc(2, line)) == NULL;
    if (!failed) {
        int from = across.first[0] * CHANNELS, fast = is_fast();
        int to = (across.first[width - 1] + across.count) * CHANNELS;
        if (to > image->width * CHANNELS) to = image->width * CHANNELS;
        for (int y = 0; y < height; y += 2) {
            int both = y + 1 < height;
            uint8_t *one = lines, *two = lines + line, *target = out + y * out_stride;
            column(image, &down, y, one, from, to, fast);
            if (both) column(image, &down, y + 1, two, from, to, fast);
#ifdef HAVE_FAST
            if (fast && both) {
                rows_fast(one, two, &across, width, target, target + out_stride, mirror);
                continue;
            }
#endif
            row_plain(one, &across, width, target, mirror);
            if (both) row_plain(two, &across, width, target + out_stride, mirror);
        }
    }
    free(lines);
    axis_free(&across);
    axis_free(&down);
    return failed ? -1 : 0;
}
