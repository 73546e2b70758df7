/* A part of a JPEG of the most frequent kind, decoded without libjpeg. */
#ifndef WDS_IMAGENET_BASELINE_H
#define WDS_IMAGENET_BASELINE_H

#include "region.h"

/* Decodes a region as `decode_region` does, to the same bytes. LEFT_TO_OTHERS at scale 8, if the file is not as frame.h
 * says, if its bits or markers are not quite right as far as the region reaches, or on a processor without
 * AVX2. What is above and beside the region is read, but not kept, and where restart markers allow it, not read. */
Status decode_baseline(const uint8_t *data, size_t size, int scale, Region region, size_t cap, Scratch *scratch,
                       Image *part);

#endif
