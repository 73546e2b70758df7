/* A region of a JPEG, decoded alone by the fastest decoder that supports the file. */
#ifndef WDS_IMAGENET_REGION_H
#define WDS_IMAGENET_REGION_H

#include "common/picture.h"
#include "common/scratch.h"

/* Decodes a region of a JPEG at 1/scale (1, 2, 4 or 8) of its size.
 *
 * The pixels equal those of a full decode by libjpeg-turbo: slow integer DCT, fancy upsampling. Where restart
 * markers cut each row of MCUs in equal tiles, only the tiles that the region needs are decoded. Otherwise MCUs above
 * and beside the region are entropy-decoded, but not transformed. Bytes below the region are not read.
 *
 * UNSUPPORTED where libjpeg would warn, for a region that is not in the picture, for another scale, and for a picture
 * whose pixels, all of them, take more than `max_bytes`. `part` lies in `scratch->pixels`. The baseline decoder holds
 * the samples too, as much again; libjpeg, for a file of several scans, all coefficients: twice the picture's bytes. */
Status decode_region(const uint8_t *data, size_t size, int scale, Region region, size_t max_bytes, Scratch *scratch,
                     Image *part);

#endif
