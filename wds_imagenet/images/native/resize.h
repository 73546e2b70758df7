/* A part of a picture, resized. */
#ifndef WDS_IMAGENET_RESIZE_H
#define WDS_IMAGENET_RESIZE_H

#include <stddef.h>
#include <stdint.h>

enum { CHANNELS = 3, MAX_SIDE = 1 << 20 };

typedef struct {
    const uint8_t *pixels; /* of the first one: RGB */
    ptrdiff_t stride;      /* bytes from a row to the next */
    int height, width;
} Image;

/* Resizes a box (left, top, right, bottom, in pixels and fractions of them) of an image into height × width
 * pixels, mirrored left to right if asked. Returns 0, or -1 if there is no memory. */
int resize_image(const Image *image, const double box[4], uint8_t *out, ptrdiff_t out_stride, int height,
                 int width, int antialias, int mirror);

#endif
