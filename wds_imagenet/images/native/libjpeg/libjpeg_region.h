/* A region of any JPEG, decoded by libjpeg-turbo (its libjpeg API: jpeg_crop_scanline, jpeg_skip_scanlines). */
#ifndef WDS_IMAGENET_LIBJPEG_REGION_H
#define WDS_IMAGENET_LIBJPEG_REGION_H

#include "common/picture.h"
#include "common/scratch.h"

/* Decodes a region as `decode_region` of jpeg/region.h does, always by libjpeg. */
Status decode_with_libjpeg(const uint8_t *data, size_t size, int scale, Region region, size_t max_bytes,
                           Scratch *scratch, Image *part);

#endif
