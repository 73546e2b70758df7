#include "header.h"

#include <string.h>

#include "markers.h"

enum { MAX_SEGMENTS = 1000 };

static int is_frame(int marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

static int is_standalone(int marker) { return marker == 1 || (marker >= 0xD0 && marker <= 0xD9) || marker == 0; }

int read_header(const uint8_t *data, size_t size, Header *header) {
    size_t at = 2;
    *header = (Header){0};
    if (size < 4 || data[0] != 0xFF || data[1] != 0xD8) return 0;
    for (int segments = 0; segments < MAX_SEGMENTS && at + 4 <= size && data[at] == 0xFF; segments++) {
        int marker = data[at + 1];
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3], body = at + 4, end = at + 2 + length;
        if (marker == 0xFF || is_standalone(marker) || length < 2 || end > size) return 0;
        if (is_frame(marker)) {
            if (header->components || marker > SOF0 + 1 || length < 8) return 0;
            int components = data[body + 5];
            if ((components != 1 && components != 3) || length != 8 + 3 * (size_t)components) return 0;
            if (data[body] != 8) return 0;
            header->height = data[body + 1] << 8 | data[body + 2];
            header->width = data[body + 3] << 8 | data[body + 4];
            header->components = components;
            for (int i = 0; i < components; i++) {
                int factors = data[body + 7 + 3 * (size_t)i];
                if (!(factors >> 4) || factors >> 4 > 4 || !(factors & 15) || (factors & 15) > 4) return 0;
                header->factors[i] = factors;
            }
        } else if (marker == APP1 && length >= 8 && memcmp(data + body, "Exif\0\0", 6) == 0) {
            if (!header->exif_end) header->exif = body, header->exif_end = end;
        } else if (marker == SOS) {
            if (!header->components || length < 3 || data[body] != header->components) return 0;
            /* The end is where it should be in all but damaged files and those with something behind it. */
            return data[size - 2] == 0xFF && data[size - 1] == 0xD9 && size - 2 >= end;
        }
        at = end;
    }
    return 0;
}
