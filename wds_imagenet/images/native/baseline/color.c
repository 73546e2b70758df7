#include "baseline/color.h"

#include "baseline/avx2.h"

#ifdef HAVE_BASELINE

#include <immintrin.h>

AVX2 static inline __m256i load(const uint8_t *at) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)at));
}

AVX2 static inline __m256i thrice(__m256i a) { return _mm256_add_epi16(a, _mm256_add_epi16(a, a)); }

/* Stores the lower bytes of two vectors in turn, `first` in front. */
AVX2 static inline void store(uint8_t *to, __m256i first, __m256i second) {
    _mm256_storeu_si256((__m256i *)to, _mm256_or_si256(first, _mm256_slli_epi16(second, 8)));
}

AVX2 void upsample_h2v1(const uint8_t *from, int count, uint8_t *to) {
    const __m256i one = _mm256_set1_epi16(1), two = _mm256_set1_epi16(2);
    for (int i = 0; i < count; i += 16) {
        __m256i here = thrice(load(from + i));
        __m256i first = _mm256_add_epi16(_mm256_add_epi16(here, load(from + i - 1)), one);
        __m256i second = _mm256_add_epi16(_mm256_add_epi16(here, load(from + i + 1)), two);
        store(to + 2 * i, _mm256_srli_epi16(first, 2), _mm256_srli_epi16(second, 2));
    }
}

AVX2 static inline __m256i between(const uint8_t *near, const uint8_t *far) {
    return _mm256_add_epi16(thrice(load(near)), load(far));
}

AVX2 void upsample_h2v2(const uint8_t *near, const uint8_t *far, int count, uint8_t *to) {
    const __m256i eight = _mm256_set1_epi16(8), seven = _mm256_set1_epi16(7);
    for (int i = 0; i < count; i += 16) {
        __m256i here = thrice(between(near + i, far + i));
        __m256i first = _mm256_add_epi16(_mm256_add_epi16(here, between(near + i - 1, far + i - 1)), eight);
        __m256i second = _mm256_add_epi16(_mm256_add_epi16(here, between(near + i + 1, far + i + 1)), seven);
        store(to + 2 * i, _mm256_srli_epi16(first, 4), _mm256_srli_epi16(second, 4));
    }
}

/* Returns (a · weight + 2^15) >> 16 for a from -128 to 127. */
AVX2 static inline __m256i part(__m256i a, int weight) {
    __m256i high = _mm256_mulhi_epi16(_mm256_add_epi16(a, a), _mm256_set1_epi16((short)weight));
    return _mm256_srai_epi16(_mm256_add_epi16(high, _mm256_set1_epi16(1)), 1);
}

typedef struct {
    __m256i red, green, blue;
} Color;

/* R = Y + 1.402 Cr, G = Y - 0.34414 Cb - 0.71414 Cr, B = Y + 1.772 Cb, the weights times 2^16, split in integer
 * and fraction, since 16 bits hold no more. */
AVX2 static inline Color color_of(__m256i luma, __m256i blue, __m256i red) {
    const __m256i middle = _mm256_set1_epi16(128), half = _mm256_set1_epi32(1 << 15);
    const __m256i weights = _mm256_set1_epi32((int)((uint32_t)(uint16_t)-22554 | 18734u << 16));
    blue = _mm256_sub_epi16(blue, middle), red = _mm256_sub_epi16(red, middle);
    __m256i low = _mm256_madd_epi16(_mm256_unpacklo_epi16(blue, red), weights);
    __m256i high = _mm256_madd_epi16(_mm256_unpackhi_epi16(blue, red), weights);
    low = _mm256_srai_epi32(_mm256_add_epi32(low, half), 16);
    high = _mm256_srai_epi32(_mm256_add_epi32(high, half), 16);
    __m256i less = _mm256_sub_epi16(_mm256_packs_epi32(low, high), red);
    __m256i twice = _mm256_add_epi16(blue, blue);
    return (Color){_mm256_add_epi16(luma, _mm256_add_epi16(red, part(red, 26345))), _mm256_add_epi16(luma, less),
                   _mm256_add_epi16(luma, _mm256_add_epi16(twice, part(blue, -14942)))};
}

AVX2 static inline __m256i bytes_of(__m256i low, __m256i high) {
    return _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0xD8);
}

/* Moves the bytes of one colour to their places in 16 bytes of RGB; X is a byte of another colour. */
#define X (char)-1
AVX2 static inline __m256i spread(__m256i bytes, char a, char b, char c, char d, char e, char f, char g, char h, char i,
                                  char j, char k, char l, char m, char n, char o, char p) {
    __m128i table = _mm_setr_epi8(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
    return _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(table));
}

AVX2 static inline __m256i any(__m256i a, __m256i b, __m256i c) { return _mm256_or_si256(_mm256_or_si256(a, b), c); }

AVX2 static inline void interleave(__m256i r, __m256i g, __m256i b, uint8_t *to) {
    __m256i parts[3] = {
        any(spread(r, 0, X, X, 1, X, X, 2, X, X, 3, X, X, 4, X, X, 5),
            spread(g, X, 0, X, X, 1, X, X, 2, X, X, 3, X, X, 4, X, X),
            spread(b, X, X, 0, X, X, 1, X, X, 2, X, X, 3, X, X, 4, X)),
        any(spread(r, X, X, 6, X, X, 7, X, X, 8, X, X, 9, X, X, 10, X),
            spread(g, 5, X, X, 6, X, X, 7, X, X, 8, X, X, 9, X, X, 10),
            spread(b, X, 5, X, X, 6, X, X, 7, X, X, 8, X, X, 9, X, X)),
        any(spread(r, X, 11, X, X, 12, X, X, 13, X, X, 14, X, X, 15, X, X),
            spread(g, X, X, 11, X, X, 12, X, X, 13, X, X, 14, X, X, 15, X),
            spread(b, 10, X, X, 11, X, X, 12, X, X, 13, X, X, 14, X, X, 15)),
    };
    for (int i = 0; i < 3; i++) {
        _mm_storeu_si128((__m128i *)(to + 16 * i), _mm256_castsi256_si128(parts[i]));
        _mm_storeu_si128((__m128i *)(to + 48 + 16 * i), _mm256_extracti128_si256(parts[i], 1));
    }
}

AVX2 void ycc_to_rgb(const uint8_t *luma, const uint8_t *blue, const uint8_t *red, int count, uint8_t *to) {
    for (int i = 0; i < count; i += 32) {
        Color a = color_of(load(luma + i), load(blue + i), load(red + i));
        Color b = color_of(load(luma + i + 16), load(blue + i + 16), load(red + i + 16));
        interleave(bytes_of(a.red, b.red), bytes_of(a.green, b.green), bytes_of(a.blue, b.blue), to + 3 * i);
    }
}

AVX2 void grey_to_rgb(const uint8_t *luma, int count, uint8_t *to) {
    for (int i = 0; i < count; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(luma + i));
        interleave(bytes, bytes, bytes, to + 3 * i);
    }
}

#endif
