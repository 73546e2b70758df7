/* The header of an ordinary JPEG, read without decoding: ITU-T T.81, B.2. */
#ifndef WDS_IMAGENET_HEADER_H
#define WDS_IMAGENET_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

typedef struct {
    int width, height, components;
    int sampling[3];             /* of each component: horizontal factor << 4 | vertical factor (B.2.2: Hi, Vi) */
    size_t exif_begin, exif_end; /* the content of the first EXIF segment; both 0 if there is none */
} JpegHeader;

/* Reads the header of a JPEG of 8 bits, Huffman-coded in one scan, grey or of three components, whose last two bytes
 * are its end marker. UNSUPPORTED for every other file: jpeg.py reads those, and names their faults. */
Status read_header(const uint8_t *data, size_t size, JpegHeader *header);

#endif
