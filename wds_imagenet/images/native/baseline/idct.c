#include "baseline/idct.h"

#include "baseline/avx2.h"

#ifdef HAVE_BASELINE

#include <immintrin.h>
#include <string.h>

enum { FRACTION = 13, SPARE = 2 /* bits of fraction between the passes */, RANGE = 13 };

/* cos(k·π/16) and their sums, times 2^FRACTION, as jidctint.c and jidctred.c have them. */
enum {
    C_0_211 = 1730,
    C_0_298 = 2446,
    C_0_390 = 3196,
    C_0_509 = 4176,
    C_0_541 = 4433,
    C_0_601 = 4926,
    C_0_720 = 5906,
    C_0_765 = 6270,
    C_0_850 = 6967,
    C_0_899 = 7373,
    C_1_061 = 8697,
    C_1_175 = 9633,
    C_1_272 = 10426,
    C_1_451 = 11893,
    C_1_501 = 12299,
    C_1_847 = 15137,
    C_1_961 = 16069,
    C_2_053 = 16819,
    C_2_172 = 17799,
    C_2_562 = 20995,
    C_3_072 = 25172,
    C_3_624 = 29692,
};

/* Sixteen 16-bit numbers widened to 32 bits, in two halves. */
typedef struct {
    __m256i low, high;
} Wide;

AVX2 static inline __m256i pair_of(int first, int second) {
    return _mm256_set1_epi32((int)((uint32_t)(uint16_t)first | (uint32_t)second << 16));
}

AVX2 static inline Wide zip(__m256i a, __m256i b) {
    return (Wide){_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)};
}

/* a · first + b · second. */
AVX2 static inline Wide weigh(Wide zipped, int first, int second) {
    __m256i weights = pair_of(first, second);
    return (Wide){_mm256_madd_epi16(zipped.low, weights), _mm256_madd_epi16(zipped.high, weights)};
}

AVX2 static inline Wide plus(Wide a, Wide b) {
    return (Wide){_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}

AVX2 static inline Wide minus(Wide a, Wide b) {
    return (Wide){_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}

/* a · 2^fraction. */
AVX2 static inline Wide widen(__m256i a, int fraction) {
    Wide high = zip(_mm256_setzero_si256(), a);
    return (Wide){_mm256_srai_epi32(high.low, 16 - fraction), _mm256_srai_epi32(high.high, 16 - fraction)};
}

AVX2 static inline __m256i narrow(Wide a, int shift) {
    __m256i half = _mm256_set1_epi32(1 << (shift - 1));
    return _mm256_packs_epi32(_mm256_srai_epi32(_mm256_add_epi32(a.low, half), shift),
                              _mm256_srai_epi32(_mm256_add_epi32(a.high, half), shift));
}

typedef void Pass(__m256i at[8], int shift);

/* Each column of eight numbers, one in each register; two blocks side by side. */
AVX2 static inline void pass_8(__m256i at[8], int shift) {
    Wide two_six = zip(at[2], at[6]);
    Wide even_2 = weigh(two_six, C_0_541, C_0_541 - C_1_847), even_3 = weigh(two_six, C_0_541 + C_0_765, C_0_541);
    Wide even_0 = widen(_mm256_add_epi16(at[0], at[4]), FRACTION);
    Wide even_1 = widen(_mm256_sub_epi16(at[0], at[4]), FRACTION);
    Wide e0 = plus(even_0, even_3), e3 = minus(even_0, even_3);
    Wide e1 = plus(even_1, even_2), e2 = minus(even_1, even_2);

    Wide sums = zip(_mm256_add_epi16(at[7], at[3]), _mm256_add_epi16(at[5], at[1]));
    Wide z3 = weigh(sums, C_1_175 - C_1_961, C_1_175), z4 = weigh(sums, C_1_175, C_1_175 - C_0_390);
    Wide seven_one = zip(at[7], at[1]), five_three = zip(at[5], at[3]);
    Wide o0 = plus(weigh(seven_one, C_0_298 - C_0_899, -C_0_899), z3);
    Wide o3 = plus(weigh(seven_one, -C_0_899, C_1_501 - C_0_899), z4);
    Wide o1 = plus(weigh(five_three, C_2_053 - C_2_562, -C_2_562), z4);
    Wide o2 = plus(weigh(five_three, -C_2_562, C_3_072 - C_2_562), z3);

    at[0] = narrow(plus(e0, o3), shift), at[7] = narrow(minus(e0, o3), shift);
    at[1] = narrow(plus(e1, o2), shift), at[6] = narrow(minus(e1, o2), shift);
    at[2] = narrow(plus(e2, o1), shift), at[5] = narrow(minus(e2, o1), shift);
    at[3] = narrow(plus(e3, o0), shift), at[4] = narrow(minus(e3, o0), shift);
}

/* Four numbers from eight; the fifth is ignored. */
AVX2 static inline void pass_4(__m256i at[8], int shift) {
    Wide even_0 = widen(at[0], FRACTION + 1), even_1 = weigh(zip(at[2], at[6]), C_1_847, -C_0_765);
    Wide e0 = plus(even_0, even_1), e1 = minus(even_0, even_1);
    Wide seven_five = zip(at[7], at[5]), three_one = zip(at[3], at[1]);
    Wide o0 = plus(weigh(seven_five, -C_0_509, -C_0_601), weigh(three_one, C_0_899, C_2_562));
    Wide o1 = plus(weigh(seven_five, -C_0_211, C_1_451), weigh(three_one, -C_2_172, C_1_061));
    at[0] = narrow(plus(e0, o0), shift + 1), at[3] = narrow(minus(e0, o0), shift + 1);
    at[1] = narrow(plus(e1, o1), shift + 1), at[2] = narrow(minus(e1, o1), shift + 1);
}

/* Two numbers from the first of eight and the odd ones. */
AVX2 static inline void pass_2(__m256i at[8], int shift) {
    Wide even = widen(at[0], FRACTION + 2);
    Wide odd = plus(weigh(zip(at[7], at[5]), -C_0_720, C_0_850), weigh(zip(at[3], at[1]), -C_1_272, C_3_624));
    at[0] = narrow(plus(even, odd), shift + 2), at[1] = narrow(minus(even, odd), shift + 2);
}

AVX2 static inline void transpose(__m256i at[8]) {
    __m256i a[8], b[8];
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm256_unpacklo_epi16(at[2 * i], at[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_epi16(at[2 * i], at[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        b[4 * i] = _mm256_unpacklo_epi32(a[4 * i], a[4 * i + 2]);
        b[4 * i + 1] = _mm256_unpackhi_epi32(a[4 * i], a[4 * i + 2]);
        b[4 * i + 2] = _mm256_unpacklo_epi32(a[4 * i + 1], a[4 * i + 3]);
        b[4 * i + 3] = _mm256_unpackhi_epi32(a[4 * i + 1], a[4 * i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        at[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 4]);
        at[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 4]);
    }
}

AVX2 static inline __m256i load(const int16_t *one, const int16_t *two) {
    return _mm256_set_m128i(_mm_loadu_si128((const __m128i *)two), _mm_loadu_si128((const __m128i *)one));
}

AVX2 static inline void clear(int16_t *coefficients) {
    for (int i = 0; i < 4; i++) _mm256_storeu_si256((__m256i *)coefficients + i, _mm256_setzero_si256());
}

/* Ones where a number may have been saturated. */
AVX2 static inline __m256i is_extreme(__m256i a) {
    return _mm256_or_si256(_mm256_cmpeq_epi16(a, _mm256_set1_epi16(INT16_MAX)),
                           _mm256_cmpeq_epi16(a, _mm256_set1_epi16(INT16_MIN)));
}

/* Inlined, so that `pass` and `side` are constants. */
AVX2 static inline __attribute__((always_inline)) Status transform(const IdctBlock *one, const IdctBlock *two,
                                                                   Pass *pass, int side) {
    __m256i at[8];
    for (int i = 0; i < 8; i++)
        at[i] = _mm256_mullo_epi16(load(one->coefficients + 8 * i, two->coefficients + 8 * i),
                                   load(one->quantizers + 8 * i, two->quantizers + 8 * i));
    clear(one->coefficients);
    clear(two->coefficients);
    __m256i overflow = _mm256_srli_epi16(_mm256_abs_epi16(at[0]), RANGE);
    pass(at, FRACTION - SPARE);
    for (int i = 0; side == 2 && i < 2; i++) overflow = _mm256_or_si256(overflow, is_extreme(at[i]));
    transpose(at);
    pass(at, FRACTION + SPARE + 3);
    transpose(at);
    __m256i middle = _mm256_set1_epi8((char)128);
    for (int i = 0; i < side; i += 2) {
        __m256i rows = _mm256_add_epi8(_mm256_packs_epi16(at[i], at[i + 1]), middle);
        int64_t line[4];
        _mm256_storeu_si256((__m256i *)line, rows);
        for (int k = 0; k < 2; k++) {
            memcpy(one->to + (i + k) * one->stride, &line[k], (size_t)side);
            memcpy(two->to + (i + k) * two->stride, &line[2 + k], (size_t)side);
        }
    }
    return _mm256_testz_si256(overflow, overflow) ? DONE : UNSUPPORTED;
}

AVX2 Status idct_two(const IdctBlock *one, const IdctBlock *two, int side) {
    if (side == 8) return transform(one, two, pass_8, 8);
    return side == 4 ? transform(one, two, pass_4, 4) : transform(one, two, pass_2, 2);
}

Status idct_dc_only(const IdctBlock *block, int side) {
    int first = block->coefficients[0] * block->quantizers[0];
    int value = ((first * (1 << SPARE) + (1 << (SPARE + 2))) >> (SPARE + 3)) + 128;
    value = value < 0 ? 0 : value > 255 ? 255 : value;
    block->coefficients[0] = 0;
    for (int i = 0; i < side; i++) memset(block->to + i * block->stride, value, (size_t)side);
    return -(1 << RANGE) < first && first < 1 << RANGE ? DONE : UNSUPPORTED;
}

#endif
