/* What the headers of an ordinary JPEG say. */
#ifndef WDS_IMAGENET_HEADER_H
#define WDS_IMAGENET_HEADER_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int width, height, components;
    int factors[3];        /* of each component: horizontal sampling << 4 | vertical */
    size_t exif, exif_end; /* the first EXIF segment's content; both 0 if there is none */
} Header;

/* Returns whether the JPEG is ordinary: 8 bits, Huffman-coded in one scan, grey or of three colours, its end
 * marker its last two bytes, and nothing wrong up to its scan. jpeg.py reads all others, and says what is wrong. */
int read_header(const uint8_t *data, size_t size, Header *header);

#endif
