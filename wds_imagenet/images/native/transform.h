/* Blocks of coefficients into samples. */
#ifndef WDS_IMAGENET_TRANSFORM_H
#define WDS_IMAGENET_TRANSFORM_H

#include <stddef.h>
#include <stdint.h>

/* What our own decoder is written for. */
#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_BASELINE 1
#endif

/* A block on its way: 64 coefficients and their quantizers, in natural order, and where rows of samples go. */
typedef struct {
    int16_t *coefficients;
    const int16_t *quantizers;
    uint8_t *to;
    ptrdiff_t stride;
} Job;

/* Transforms two blocks, each into `side` rows of as many samples: 8, or 4 or 2 of a smaller picture. Clears their
 * coefficients; needs AVX2. Returns 0 for numbers of more than 13 bits in the first row: libjpeg-turbo's shortcut for
 * blocks that have no more than that row wraps where its full transform saturates. And where two samples a row are made,
 * for numbers that 16 bits do not hold between the passes: libjpeg-turbo keeps some of them in 32.
 *
 * The samples are those of libjpeg-turbo's slow integer transforms: that of C. Loeffler, A. Ligtenberg and
 * G. Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications", ICASSP 1989, in numbers of 13 bits, and
 * what is left of it (jidctred.c) where fewer samples are made. */
int idct_two(const Job *one, const Job *two, int side);

/* The same for a block that has only its first coefficient. */
int idct_dc_only(const Job *job, int side);

#endif
