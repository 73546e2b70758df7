#include "jpeg/region.h"

#include "baseline/baseline.h"
#include "libjpeg/libjpeg_region.h"

Status decode_region(const uint8_t *data, size_t size, int scale, Region region, size_t max_bytes, Scratch *scratch,
                     Image *part) {
    Status status = decode_baseline(data, size, scale, region, max_bytes, scratch, part);
    return status == UNSUPPORTED ? decode_with_libjpeg(data, size, scale, region, max_bytes, scratch, part) : status;
}
