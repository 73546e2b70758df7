/* The tiles of a row of MCUs: restart intervals that divide each row equally (ITU-T T.81, B.2.4.4 and E.1.4). */
#ifndef WDS_IMAGENET_TILES_H
#define WDS_IMAGENET_TILES_H

#include "common/picture.h"
#include "common/scratch.h"

typedef struct {
    size_t frame; /* offset of the frame header, behind its length */
    size_t scan;  /* offset of the first entropy-coded byte */
    int height, width, mcu_height, mcu_width;
    int interval; /* MCUs of a tile */
    int tiles;    /* of a row of MCUs */
} Tiling;

/* Reads the tiling from the headers. UNSUPPORTED if restart intervals do not divide each row of MCUs equally. */
Status read_tiling(const uint8_t *data, size_t size, Tiling *tiling);

/* Copies the tiles that a region needs, and an MCU around it, into a JPEG of their own, at the start of `spliced`.
 * Moves the region to its place in that JPEG. UNSUPPORTED where all tiles are needed, for markers that are not where
 * they should be, and for a region outside the picture: the region is then unchanged. */
Status splice_tiles(const uint8_t *data, size_t size, const Tiling *tiling, int scale, Region *region, Arena *spliced,
                    size_t *spliced_size);

#endif
