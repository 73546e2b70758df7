/* A JPEG written anew from its coefficients: the same pixels, in fewer bytes that can be entered in the middle. */
#ifndef WDS_IMAGENET_OPTIMIZE_H
#define WDS_IMAGENET_OPTIMIZE_H

#include <stddef.h>
#include <stdint.h>

enum { REASON_BYTES = 256 };

/* Writes `data` as a baseline JPEG with optimal Huffman tables and `tiles` restart intervals, or about as many
 * as divide it, in each row of MCUs. Keeps the ICC profile and the orientation (`exif`, an APP1 segment's
 * content of `exif_size` bytes, or none) if `keep` is not 0, the Adobe marker where the colours need it, and
 * drops all else. Refuses a picture of more than `max_pixels`, and one whose scans do not give all of it: libjpeg
 * smooths over what is missing, but would not in the new file. Returns 0 with `*out` (to be freed) and
 * `*out_size`; -1 with the reason, in libjpeg's words where it has any. */
int optimize_jpeg(const uint8_t *data, size_t size, size_t max_pixels, int tiles, int keep, const uint8_t *exif,
                  size_t exif_size, uint8_t **out, size_t *out_size, char reason[REASON_BYTES]);

#endif
