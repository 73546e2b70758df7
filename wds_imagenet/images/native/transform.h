/* Blocks of coefficients into samples. */
#ifndef WDS_IMAGENET_TRANSFORM_H
#define WDS_IMAGENET_TRANSFORM_H

#include <stddef.h>
#include <stdint.h>

/* A block on its way: 64 coefficients and the steps they count, in natural order, and where 8 rows of 8 samples go. */
typedef struct {
    int16_t *coefficients;
    const int16_t *steps;
    uint8_t *to;
    ptrdiff_t stride;
} Job;

/* Transforms two blocks, and clears their coefficients; needs AVX2. Returns 0 for numbers that no picture has, for which libjpeg has two ways.
 *
 * The samples are those of libjpeg-turbo's slow integer transform, which is that of C. Loeffler, A. Ligtenberg and
 * G. Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications", ICASSP 1989, in numbers of 13 bits. */
int transform_two(const Job *one, const Job *two);

/* The same for a block that has only its first coefficient. */
int transform_flat(const Job *job);

#endif
