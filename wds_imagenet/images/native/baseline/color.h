/* Rows of samples into rows of RGB: JFIF 1.02, and libjpeg-turbo's upsampling.
 *
 * All functions need AVX2, and read and write up to ROW_SLACK bytes past the end of a row. */
#ifndef WDS_IMAGENET_COLOR_H
#define WDS_IMAGENET_COLOR_H

#include <stdint.h>

enum { ROW_SLACK = 96 };

/* Writes 2 · count samples, each 3/4 of the nearer input and 1/4 of the farther: libjpeg-turbo's fancy upsampling
 * (h2v1_fancy_upsample, jdsample.c). Reads `from[-1]` and `from[count]`. */
void upsample_h2v1(const uint8_t *from, int count, uint8_t *to);

/* The same in both directions: 3/4 of the row `near`, 1/4 of the row `far` (h2v2_fancy_upsample). */
void upsample_h2v2(const uint8_t *near, const uint8_t *far, int count, uint8_t *to);

/* Writes RGB for JFIF's YCbCr, rounded as in libjpeg-turbo (jdcolor.c). */
void ycc_to_rgb(const uint8_t *luma, const uint8_t *blue, const uint8_t *red, int count, uint8_t *to);

void grey_to_rgb(const uint8_t *luma, int count, uint8_t *to);

#endif
