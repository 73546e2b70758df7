/* What must be known of a JPEG to decode it ourselves. */
#ifndef WDS_IMAGENET_FRAME_H
#define WDS_IMAGENET_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "huffman.h"

/* Tables of a thread: many files have the same, and then nothing is made anew. */
typedef struct {
    Table dc[2], ac[2];
} Tables;

typedef struct {
    int width, height, components;
    int across, down;             /* samples of luma to one of colour: 1 or 2 */
    int mcus_across, mcus_down;
    int interval;                 /* MCUs between restart markers, 0 if there are none */
    size_t scan;                  /* offset of the first entropy-coded byte */
    int16_t quantizers[3][BLOCK]; /* in natural order */
    int dc[3], ac[3];             /* which tables each component uses */
} Frame;

/* Returns whether this is a JPEG of the most frequent kind: baseline, 8 bits, one scan, grey or YCbCr, colours at full
 * size (4:4:4), half the width (4:2:2) or half of both (4:2:0). All that is not quite usual is none. */
int read_frame(const uint8_t *data, size_t size, Frame *frame, Tables *tables);

#endif
