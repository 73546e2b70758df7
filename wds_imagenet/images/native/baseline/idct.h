/* The inverse DCT, coefficients into samples: ITU-T T.81, A.3.3. */
#ifndef WDS_IMAGENET_IDCT_H
#define WDS_IMAGENET_IDCT_H

#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

/* One block to be transformed. */
typedef struct {
    int16_t *coefficients; /* 64, in natural order */
    const int16_t *quantizers;
    uint8_t *to; /* the first sample */
    ptrdiff_t stride;
} IdctBlock;

/* Transforms two blocks, each into `side` rows of `side` samples: 8, or 4 or 2 of a smaller picture. Clears their
 * coefficients. Needs AVX2.
 *
 * UNSUPPORTED, with the samples undefined, for numbers that libjpeg-turbo treats in two ways. With more than 13 bits in
 * the first row, its shortcut for blocks without other rows wraps, and its full transform saturates. With side 2, it
 * keeps some numbers between the passes in 32 bits: those that exceed 16 bits are refused.
 *
 * The samples are those of libjpeg-turbo's slow integer transforms: that of C. Loeffler, A. Ligtenberg and
 * G. Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications", ICASSP 1989, in numbers of 13 bits, and
 * its reduced forms (jidctred.c) where fewer samples are made. */
Status idct_two(const IdctBlock *one, const IdctBlock *two, int side);

/* The same for one block that has only its first coefficient. */
Status idct_dc_only(const IdctBlock *block, int side);

#endif
