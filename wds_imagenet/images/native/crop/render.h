/* A crop, decoded and resized into one row of a batch. */
#ifndef WDS_IMAGENET_RENDER_H
#define WDS_IMAGENET_RENDER_H

#include <stddef.h>
#include <stdint.h>

#include "common/scratch.h"
#include "crop/crop_job.h"

enum { MAX_PIXELS = 89000000 }; /* of a picture: MAX_PIXELS of header.py */

/* Renders a crop into `out`, height × width pixels without gaps. UNSUPPORTED as `decode_region`, and for a box that is
 * not in the region; `out` is then undefined. */
Status render_crop(const uint8_t *data, size_t size, const CropJob *job, uint8_t *out, int height, int width,
                   int antialias, Scratch *scratch);

#endif
