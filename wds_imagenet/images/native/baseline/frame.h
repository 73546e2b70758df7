/* The segments of a JPEG that the baseline decoder needs: ITU-T T.81, B.2. */
#ifndef WDS_IMAGENET_FRAME_H
#define WDS_IMAGENET_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "baseline/huffman.h"
#include "common/status.h"

typedef struct {
    int width, height, components;
    int across, down; /* luma samples to one chroma sample: 1 or 2 */
    int mcus_across, mcus_down;
    int interval;                 /* MCUs between restart markers, 0 if there are none */
    size_t scan;                  /* offset of the first entropy-coded byte */
    int16_t quantizers[3][BLOCK]; /* in natural order */
    int dc[3], ac[3];             /* the Huffman tables of each component */
} Frame;

/* Reads the headers of a baseline JPEG of 8 bits and one scan, grey or YCbCr, with chroma at full size (4:4:4), half
 * the width (4:2:2) or half of both (4:2:0). UNSUPPORTED for every other file, and for every unusual segment. */
Status read_frame(const uint8_t *data, size_t size, Frame *frame, HuffmanTables *tables);

#endif
