#include "jpeg/header.h"

#include <string.h>

#include "jpeg/markers.h"

/* The frame header: B.2.2, figure B.3. `body` begins behind the segment's length. */
static Status read_frame_header(const uint8_t *body, size_t length, JpegHeader *header) {
    if (length < 6 || body[0] != 8) return UNSUPPORTED;
    int components = body[5];
    if ((components != 1 && components != 3) || length != 6 + 3 * (size_t)components) return UNSUPPORTED;
    header->height = body[1] << 8 | body[2];
    header->width = body[3] << 8 | body[4];
    header->components = components;
    for (int i = 0; i < components; i++) {
        int factors = body[7 + 3 * i];
        if (!(factors >> 4) || factors >> 4 > 4 || !(factors & 15) || (factors & 15) > 4) return UNSUPPORTED;
        header->sampling[i] = factors;
    }
    return DONE;
}

Status read_header(const uint8_t *data, size_t size, JpegHeader *header) {
    size_t at = 2;
    *header = (JpegHeader){0};
    if (size < 4 || data[0] != 0xFF || data[1] != SOI) return UNSUPPORTED;
    for (int segments = 0; segments < MAX_SEGMENTS && at + 4 <= size && data[at] == 0xFF; segments++) {
        int marker = data[at + 1];
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3], body = at + 4, end = at + 2 + length;
        if (marker == FILL || is_standalone(marker) || length < 2 || end > size) return UNSUPPORTED;
        length -= 2;
        if (is_frame(marker)) {
            if (header->components || marker > SOF1) return UNSUPPORTED;
            if (read_frame_header(data + body, length, header)) return UNSUPPORTED;
        } else if (marker == APP1 && length >= 6 && memcmp(data + body, "Exif\0\0", 6) == 0) {
            if (!header->exif_end) header->exif_begin = body, header->exif_end = end;
        } else if (marker == SOS) {
            if (!header->components || length < 1 || data[body] != header->components) return UNSUPPORTED;
            /* The end marker is elsewhere only in damaged files, and in files with other bytes behind the image. */
            return data[size - 2] == 0xFF && data[size - 1] == EOI && size - 2 >= end ? DONE : UNSUPPORTED;
        }
        at = end;
    }
    return UNSUPPORTED;
}
