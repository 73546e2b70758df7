/* A JPEG written anew from its coefficients: the same pixels, in fewer bytes that can be entered in the middle. */
#ifndef WDS_IMAGENET_OPTIMIZE_H
#define WDS_IMAGENET_OPTIMIZE_H

#include <stddef.h>
#include <stdint.h>

enum { REASON_BYTES = 256 };

/* Writes `data` as a baseline JPEG with optimal Huffman tables and `tiles` restart intervals, or about as many
 * as divide it, in each row of MCUs. Keeps the ICC profile and the orientation (`exif`, an APP1 segment's
 * content of `exif_size` bytes, or none) if `keep` is not 0, the Adobe marker where the colours need it, and
 * drops all else. Returns 0 with `*out` (to be freed) and `*out_size`; -1 with the reason, in libjpeg's words. */
int optimize_jpeg(const uint8_t *data, size_t size, int tiles, int keep, const uint8_t *exif, size_t exif_size,
                  uint8_t **out, size_t *out_size, char reason[REASON_BYTES]);

#endif
