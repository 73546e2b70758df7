/* Pictures, and parts of them. */
#ifndef WDS_IMAGENET_PICTURE_H
#define WDS_IMAGENET_PICTURE_H

#include <stddef.h>
#include <stdint.h>

enum {
    CHANNELS = 3,
    MAX_SIDE = 1 << 20,
    MAX_JPEG_SIDE = 65500, /* libjpeg's JPEG_MAX_DIMENSION */
};

/* Pixels in memory: uint8 RGB. */
typedef struct {
    const uint8_t *pixels; /* the first pixel */
    ptrdiff_t stride;      /* bytes from a row to the next */
    int height, width;
} Image;

/* Whole pixels of a picture at 1/scale of its size; right and bottom are not included. */
typedef struct {
    int left, top, right, bottom;
} Region;

/* Pixels and fractions of pixels; pixel i covers [i, i + 1). */
typedef struct {
    double left, top, right, bottom;
} Box;

static inline int ceil_div(int a, int b) { return (a + b - 1) / b; }

/* Returns 1 if the region has pixels and lies in the largest JPEG. */
static inline int is_region(const Region *region) {
    return 0 <= region->left && region->left < region->right && region->right <= MAX_JPEG_SIDE && 0 <= region->top &&
           region->top < region->bottom && region->bottom <= MAX_JPEG_SIDE;
}

#endif
