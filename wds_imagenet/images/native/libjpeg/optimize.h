/* A JPEG written anew from its coefficients: the same pixels in fewer bytes, with restart markers as entry points. */
#ifndef WDS_IMAGENET_OPTIMIZE_H
#define WDS_IMAGENET_OPTIMIZE_H

#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

/* Writes `data` as a baseline JPEG with optimal Huffman tables, through libjpeg's jpeg_read_coefficients and
 * jpeg_write_coefficients. Each row of MCUs is divided in `tiles` restart intervals, or as nearly so many as divide it.
 * If `keep` is not 0, the ICC profile stays, and `exif` (an APP1 segment's content of `exif_size` bytes, or none) is
 * written. The Adobe marker stays where the colours depend on it. All other metadata is dropped.
 *
 * UNSUPPORTED, with a reason, for damaged files, for a picture of more than `max_pixels`, and for one whose scans do
 * not give all of it: libjpeg would smooth it while decoding, but not in the new file. The caller frees `*out`. */
Status optimize_jpeg(const uint8_t *data, size_t size, size_t max_pixels, int tiles, int keep, const uint8_t *exif,
                     size_t exif_size, uint8_t **out, size_t *out_size, char reason[REASON_BYTES]);

#endif
