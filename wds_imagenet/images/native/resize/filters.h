/* The two filters of resize.c, of several rows into one and along a row: plain, with AVX2 and with NEON.
 *
 * All give the same pixels. Numbers between the two filters keep 7 bits of fraction: the result is rounded once, and
 * lies within little more than half a level of the exact one. Torch and Pillow round to 8 bits in between, and may be
 * a whole level off.
 */
#ifndef WDS_IMAGENET_FILTERS_H
#define WDS_IMAGENET_FILTERS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/picture.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX2 1
#elif defined(__aarch64__) && defined(__GNUC__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#define HAVE_NEON 1
#endif

/* Bits of a weight, and of the fraction between the filters: 255 << 7 fits an int16_t, 255 << 21 an int32_t. */
enum { BITS = 14, KEPT = 7 };
enum { DOWN = BITS - KEPT, HALF_DOWN = 1 << (DOWN - 1), ACROSS = BITS + KEPT, HALF_ACROSS = 1 << (ACROSS - 1) };

/* The weights of one axis: output i sums the inputs first[i] … first[i] + count - 1. */
typedef struct {
    int count; /* the same for every output, and even; surplus weights are 0 */
    int *first;
    int16_t *weights;
} Axis;

/* Filters `count` rows into one, bytes [from, to). */
static void column_plain(const uint8_t *rows, ptrdiff_t stride, const int16_t *weights, int count, int16_t *out,
                         int from, int to) {
    for (int x = from; x < to; x++) {
        int32_t sum = HALF_DOWN;
        for (int k = 0; k < count; k++) sum += weights[k] * rows[k * stride + x];
        out[x] = (int16_t)(sum >> DOWN);
    }
}

static void row_plain(const int16_t *row, const Axis *axis, int outputs, uint8_t *out, int mirror) {
    for (int i = 0; i < outputs; i++) {
        const int16_t *from = row + (size_t)axis->first[i] * CHANNELS;
        const int16_t *weights = axis->weights + (size_t)i * (size_t)axis->count;
        uint8_t *to = out + (size_t)(mirror ? outputs - 1 - i : i) * CHANNELS;
        for (int c = 0; c < CHANNELS; c++) {
            int32_t sum = HALF_ACROSS;
            for (int k = 0; k < axis->count; k++) sum += weights[k] * from[k * CHANNELS + c];
            to[c] = (uint8_t)(sum >> ACROSS); /* weights are not negative and sum to one: 0 to 255 */
        }
    }
}

#ifdef HAVE_AVX2
#define AVX2 __attribute__((target("avx2")))
#define INLINE __attribute__((always_inline)) static inline

AVX2 INLINE __m256i pair(__m256i low, __m256i high, int which, __m256i weights) {
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

/* Filters 32 bytes at a time. Neighbouring rows are interleaved, so that one multiply-add takes two of them. */
AVX2 INLINE void column_of(const uint8_t *rows, ptrdiff_t stride, const int16_t *weights, const int count, int16_t *out,
                           int from, int to) {
    int x = from;
    for (; x + 32 <= to; x += 32) {
        __m256i a = _mm256_set1_epi32(HALF_DOWN), b = a, c = a, d = a;
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
        /* Bytes 0 to 7 and 16 to 23; then 8 to 15 and 24 to 31. */
        a = _mm256_packs_epi32(_mm256_srai_epi32(a, DOWN), _mm256_srai_epi32(b, DOWN));
        c = _mm256_packs_epi32(_mm256_srai_epi32(c, DOWN), _mm256_srai_epi32(d, DOWN));
        _mm256_storeu_si256((__m256i *)(out + x), _mm256_permute2x128_si256(a, c, 0x20));
        _mm256_storeu_si256((__m256i *)(out + x + 16), _mm256_permute2x128_si256(a, c, 0x31));
    }
    column_plain(rows, stride, weights, count, out, x, to);
}

/* Loops of constant length take a quarter less time: most crops have these two lengths. */
AVX2 static void column_fast(const uint8_t *rows, ptrdiff_t stride, const int16_t *weights, int count, int16_t *out,
                             int from, int to) {
    if (count == 2)
        column_of(rows, stride, weights, 2, out, from, to);
    else if (count == 4)
        column_of(rows, stride, weights, 4, out, from, to);
    else
        column_of(rows, stride, weights, count, out, from, to);
}

/* Returns two pixels of each of two rows times their weights, one row in each half of the register. */
AVX2 INLINE __m256i two_pixels(const int16_t *one, const int16_t *two, __m256i weights) {
    const __m256i together = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1)); /* the same channel of both */
    __m256i pixels = _mm256_set_m128i(_mm_loadu_si128((const __m128i *)two), _mm_loadu_si128((const __m128i *)one));
    return _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, together), weights);
}

/* Filters two rows at once, four or two pixels a step. Reads 2 values past them. Writes the pixels in the order of the
 * output, each but the last a byte past its end. */
AVX2 INLINE void rows_of(const int16_t *one, const int16_t *two, const Axis *axis, const int count, int outputs,
                         uint8_t *out_one, uint8_t *out_two, int mirror) {
    int step = mirror ? -1 : 1, i = mirror ? outputs - 1 : 0;
    for (int place = 0; place < outputs; place++, i += step) {
        size_t from = (size_t)axis->first[i] * CHANNELS;
        const int16_t *weights = axis->weights + (ptrdiff_t)i * count, *end = weights + count;
        __m256i sum = _mm256_set1_epi32(HALF_ACROSS);
        for (; weights + 4 <= end; weights += 4, from += (size_t)4 * CHANNELS) {
            __m256i four = _mm256_set1_epi64x(load_four(weights));
            sum = _mm256_add_epi32(sum, two_pixels(one + from, two + from, _mm256_shuffle_epi32(four, 0x00)));
            size_t next = from + (size_t)2 * CHANNELS;
            sum = _mm256_add_epi32(sum, two_pixels(one + next, two + next, _mm256_shuffle_epi32(four, 0x55)));
        }
        if (weights < end) {
            int32_t both;
            memcpy(&both, weights, sizeof both);
            sum = _mm256_add_epi32(sum, two_pixels(one + from, two + from, _mm256_set1_epi32(both)));
        }
        sum = _mm256_srai_epi32(sum, ACROSS);
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

AVX2 static void rows_fast(const int16_t *one, const int16_t *two, const Axis *axis, int outputs, uint8_t *out_one,
                           uint8_t *out_two, int mirror) {
    if (axis->count == 2)
        rows_of(one, two, axis, 2, outputs, out_one, out_two, mirror);
    else if (axis->count == 4)
        rows_of(one, two, axis, 4, outputs, out_one, out_two, mirror);
    else
        rows_of(one, two, axis, axis->count, outputs, out_one, out_two, mirror);
}

static int is_fast(void) { return __builtin_cpu_supports("avx2"); }
#endif

#ifdef HAVE_NEON
static inline int16x8_t kept(int32x4_t low, int32x4_t high) {
    return vcombine_s16(vqmovn_s32(vshrq_n_s32(low, DOWN)), vqmovn_s32(vshrq_n_s32(high, DOWN)));
}

/* Filters 16 bytes at a time. */
static void column_fast(const uint8_t *rows, ptrdiff_t stride, const int16_t *weights, int count, int16_t *out,
                        int from, int to) {
    int x = from;
    for (; x + 16 <= to; x += 16) {
        int32x4_t a = vdupq_n_s32(HALF_DOWN), b = a, c = a, d = a;
        for (int k = 0; k < count; k++) {
            uint8x16_t bytes = vld1q_u8(rows + k * stride + x);
            int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
            int16x8_t high = vreinterpretq_s16_u16(vmovl_high_u8(bytes));
            a = vmlal_n_s16(a, vget_low_s16(low), weights[k]);
            b = vmlal_high_n_s16(b, low, weights[k]);
            c = vmlal_n_s16(c, vget_low_s16(high), weights[k]);
            d = vmlal_high_n_s16(d, high, weights[k]);
        }
        vst1q_s16(out + x, kept(a, b));
        vst1q_s16(out + x + 8, kept(c, d));
    }
    column_plain(rows, stride, weights, count, out, x, to);
}

/* Filters two rows at once, two pixels of each a step; the second begins at the fourth value. Reads 2 values past. */
static void rows_fast(const int16_t *one, const int16_t *two, const Axis *axis, int outputs, uint8_t *out_one,
                      uint8_t *out_two, int mirror) {
    for (int i = 0; i < outputs; i++) {
        size_t from = (size_t)axis->first[i] * CHANNELS;
        const int16_t *weights = axis->weights + (size_t)i * (size_t)axis->count;
        int32x4_t a = vdupq_n_s32(HALF_ACROSS), b = a;
        for (int k = 0; k < axis->count; k += 2, from += 2 * CHANNELS) {
            int16x8_t here = vld1q_s16(one + from), there = vld1q_s16(two + from);
            a = vmlal_n_s16(a, vget_low_s16(here), weights[k]);
            b = vmlal_n_s16(b, vget_low_s16(there), weights[k]);
            a = vmlal_n_s16(a, vget_low_s16(vextq_s16(here, here, CHANNELS)), weights[k + 1]);
            b = vmlal_n_s16(b, vget_low_s16(vextq_s16(there, there, CHANNELS)), weights[k + 1]);
        }
        int16x8_t pixels = vcombine_s16(vmovn_s32(vshrq_n_s32(a, ACROSS)), vmovn_s32(vshrq_n_s32(b, ACROSS)));
        uint64_t both = vget_lane_u64(vreinterpret_u64_u8(vqmovun_s16(pixels)), 0);
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

#endif
