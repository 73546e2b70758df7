/* Rows of samples into rows of RGB. All need AVX2, and read and write up to ROW_SLACK bytes past the end. */
#ifndef WDS_IMAGENET_COLOR_H
#define WDS_IMAGENET_COLOR_H

#include <stdint.h>

enum { ROW_SLACK = 96 };

/* Twice as many samples as there are: each lies three times as near to its own as to its neighbour. `from[-1]` and
 * `from[count]` are read. The values are those of libjpeg-turbo's fancy upsampling, h2v1. */
void upsample_h2v1(const uint8_t *from, int count, uint8_t *to);

/* The same between two rows, of which `near` is three times as near: h2v2. */
void upsample_h2v2(const uint8_t *near, const uint8_t *far, int count, uint8_t *to);

/* RGB of JFIF's YCbCr, as libjpeg-turbo rounds it. */
void ycc_to_rgb(const uint8_t *luma, const uint8_t *blue, const uint8_t *red, int count, uint8_t *to);

void grey_to_rgb(const uint8_t *luma, int count, uint8_t *to);

#endif
