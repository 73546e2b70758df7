/* A region of a baseline JPEG, decoded without libjpeg: ITU-T T.81, annex F, and JFIF 1.02. */
#ifndef WDS_IMAGENET_BASELINE_H
#define WDS_IMAGENET_BASELINE_H

#include "common/picture.h"
#include "common/scratch.h"

/* Decodes a region as `decode_region` of jpeg/region.h does, to the same bytes as libjpeg-turbo.
 *
 * UNSUPPORTED at scale 8, for a file that frame.h does not support, for wrong bits or markers up to the end of the
 * region, and on a processor without AVX2. MCUs above and beside the region are read but not transformed; whole
 * restart intervals above and beside it are not read. */
Status decode_baseline(const uint8_t *data, size_t size, int scale, Region region, size_t max_bytes, Scratch *scratch,
                       Image *part);

#endif
