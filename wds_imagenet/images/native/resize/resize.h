/* A box of a picture, resized. */
#ifndef WDS_IMAGENET_RESIZE_H
#define WDS_IMAGENET_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "common/picture.h"
#include "common/status.h"

/* Returns 1 if the box has an area and lies in an image of this size. */
static inline int is_box_in(const Box *box, int height, int width) {
    return 0 <= box->left && box->left < box->right && box->right <= width && 0 <= box->top && box->top < box->bottom &&
           box->bottom <= height;
}

/* Resizes a box of an image into height × width pixels, mirrored left to right if `mirror` is not 0. The box lies in
 * the image. The filter reads pixels beside the box, as though the whole image were resized. DONE or NO_MEMORY. */
Status resize_image(const Image *image, const Box *box, uint8_t *out, ptrdiff_t out_stride, int height, int width,
                    int antialias, int mirror);

#endif
