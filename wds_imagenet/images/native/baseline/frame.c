#include "baseline/frame.h"

#include <string.h>

#include "common/picture.h"
#include "jpeg/markers.h"

enum { SLOTS = 4, NO_ADOBE = -1 };

/* The segments read so far. Copied, since another thread may write to the file's bytes meanwhile. */
typedef struct {
    uint8_t quantizers[SLOTS][BLOCK]; /* of 8 bits, in zigzag order */
    HuffmanSpec codes[2][2];          /* of DC and AC */
    int has_quantizers[SLOTS], has_codes[2][2], has_frame;
    uint8_t ids[3], slots[3];
} Headers;

/* Quantization tables: B.2.4.1, figure B.6. */
static Status read_quantizers(const uint8_t *body, size_t length, Headers *headers) {
    for (; length >= 1 + BLOCK; body += 1 + BLOCK, length -= 1 + BLOCK) {
        int slot = body[0];
        if (slot >= SLOTS) return UNSUPPORTED; /* the upper half is not 0 with 16 bits */
        memcpy(headers->quantizers[slot], body + 1, BLOCK);
        headers->has_quantizers[slot] = 1;
    }
    return length == 0 ? DONE : UNSUPPORTED;
}

/* Huffman tables: B.2.4.2, figure B.7. */
static Status read_codes(const uint8_t *body, size_t length, Headers *headers) {
    while (length >= 17) {
        int slot = body[0];
        size_t symbols = 0;
        HuffmanSpec spec = {0};
        memcpy(spec.counts, body + 1, sizeof spec.counts);
        for (int i = 0; i < 16; i++) symbols += spec.counts[i];
        if ((slot & ~0x11) || symbols > sizeof spec.symbols || length < 17 + symbols) return UNSUPPORTED;
        memcpy(spec.symbols, body + 17, symbols);
        headers->codes[slot >> 4][slot & 1] = spec;
        headers->has_codes[slot >> 4][slot & 1] = 1;
        body += 17 + symbols, length -= 17 + symbols;
    }
    return length == 0 ? DONE : UNSUPPORTED;
}

/* The frame header: B.2.2, figure B.3. */
static Status read_start(const uint8_t *body, size_t length, Frame *frame, Headers *headers) {
    if (headers->has_frame || length < 9 || body[0] != 8) return UNSUPPORTED;
    headers->has_frame = 1;
    frame->height = body[1] << 8 | body[2];
    frame->width = body[3] << 8 | body[4];
    frame->components = body[5];
    if (frame->height < 1 || frame->height > MAX_JPEG_SIDE || frame->width < 1 || frame->width > MAX_JPEG_SIDE)
        return UNSUPPORTED;
    if ((frame->components != 1 && frame->components != 3) || length != 6 + 3 * (size_t)frame->components)
        return UNSUPPORTED;
    for (int i = 0; i < frame->components; i++) {
        const uint8_t *component = body + 6 + 3 * i;
        headers->ids[i] = component[0];
        headers->slots[i] = component[2];
        if (headers->slots[i] >= SLOTS || (i && component[1] != 0x11)) return UNSUPPORTED;
    }
    int factors = body[7];
    if (frame->components == 1) { /* a single component is not interleaved, whatever its factors are: A.2.2 */
        if (factors >> 4 < 1 || factors >> 4 > 4 || (factors & 15) < 1 || (factors & 15) > 4) return UNSUPPORTED;
        factors = 0x11;
    }
    if (factors != 0x11 && factors != 0x21 && factors != 0x22) return UNSUPPORTED;
    frame->across = factors >> 4;
    frame->down = factors & 15;
    frame->mcus_across = (frame->width + 8 * frame->across - 1) / (8 * frame->across);
    frame->mcus_down = (frame->height + 8 * frame->down - 1) / (8 * frame->down);
    return DONE;
}

/* The scan header: B.2.3, figure B.4. Builds the tables that it names. */
static Status read_scan(const uint8_t *body, size_t length, Frame *frame, HuffmanTables *tables,
                        const Headers *headers) {
    size_t count = (size_t)frame->components;
    if (!headers->has_frame || length != 4 + 2 * count || body[0] != count) return UNSUPPORTED;
    if (memcmp(body + 1 + 2 * count, "\0\77\0", 3) != 0)
        return UNSUPPORTED; /* all coefficients with all their bits: sequential */
    for (int i = 0; i < frame->components; i++) {
        int id = body[1 + 2 * i], codes = body[2 + 2 * i], dc = codes >> 4, ac = codes & 15, slot = headers->slots[i];
        if (id != headers->ids[i] || codes & ~0x11 || !headers->has_quantizers[slot]) return UNSUPPORTED;
        if (!headers->has_codes[0][dc] || !headers->has_codes[1][ac]) return UNSUPPORTED;
        for (int k = 0; k < BLOCK; k++) frame->quantizers[i][zigzag[k]] = headers->quantizers[slot][k];
        if (build_table(&tables->dc[dc], &headers->codes[0][dc], 1)) return UNSUPPORTED;
        if (build_table(&tables->ac[ac], &headers->codes[1][ac], 0)) return UNSUPPORTED;
        frame->dc[i] = dc, frame->ac[i] = ac;
    }
    return DONE;
}

/* Returns 1 if libjpeg would take the components for YCbCr: its default_decompress_parms, jdapimin.c. */
static int is_ycbcr(const Headers *headers, int adobe) {
    return (adobe == NO_ADOBE || adobe == 1) && memcmp(headers->ids, "RGB", 3) != 0;
}

Status read_frame(const uint8_t *data, size_t size, Frame *frame, HuffmanTables *tables) {
    Headers headers = {0};
    size_t at = 2;
    int adobe = NO_ADOBE;
    *frame = (Frame){0};
    if (size < 4 || data[0] != 0xFF || data[1] != SOI) return UNSUPPORTED;
    for (int segments = 0; segments < MAX_SEGMENTS && at + 4 <= size && data[at] == 0xFF; segments++) {
        int marker = data[at + 1];
        Status status = DONE;
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3], end = at + 2 + length;
        if (length < 2 || end > size) return UNSUPPORTED;
        const uint8_t *body = data + at + 4;
        length -= 2;
        if (marker == DQT) {
            status = read_quantizers(body, length, &headers);
        } else if (marker == DHT) {
            status = read_codes(body, length, &headers);
        } else if (marker == SOF0 || marker == SOF1) {
            status = read_start(body, length, frame, &headers);
        } else if (marker == DRI) {
            if (length != 2) return UNSUPPORTED; /* B.2.4.4 */
            frame->interval = body[0] << 8 | body[1];
        } else if (marker == SOS) {
            frame->scan = end;
            if (frame->components != 1 && !is_ycbcr(&headers, adobe)) return UNSUPPORTED;
            return read_scan(body, length, frame, tables, &headers);
        } else if (marker == APP14 && length >= 12 && memcmp(body, "Adobe", 5) == 0) {
            adobe = body[11]; /* the colour transform */
        } else if (marker == APP0 && length >= 14 && memcmp(body, "JFIF", 5) == 0) {
            if (body[5] != 1) return UNSUPPORTED; /* libjpeg warns of other versions */
        } else if (marker != COM && (marker < APP0 || marker > APP15)) {
            return UNSUPPORTED;
        }
        if (status) return status;
        at = end;
    }
    return UNSUPPORTED;
}
