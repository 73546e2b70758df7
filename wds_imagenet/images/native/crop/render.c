#include "crop/render.h"

#include "jpeg/region.h"
#include "resize/resize.h"

Status render_crop(const uint8_t *data, size_t size, const CropJob *job, uint8_t *out, int height, int width,
                   int antialias, Scratch *scratch) {
    Image part;
    size_t max_bytes = (size_t)MAX_PIXELS * CHANNELS;
    Status status = decode_region(data, size, job->scale, job->region, max_bytes, scratch, &part);
    if (status) return status;
    if (!is_box_in(&job->box, part.height, part.width)) return UNSUPPORTED;
    return resize_image(&part, &job->box, out, (ptrdiff_t)width * CHANNELS, height, width, antialias, job->mirror);
}
