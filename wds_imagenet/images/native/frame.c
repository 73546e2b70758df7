#include "frame.h"

#include <string.h>

#include "markers.h"

enum { SLOTS = 4, MAX_SEGMENTS = 1000, MAX_SIDE_OF_JPEG = 65500 /* libjpeg's */, NO_ADOBE = -1 };

/* What the segments have said so far. Copied, since another thread may write to the file's bytes meanwhile. */
typedef struct {
    uint8_t quantizers[SLOTS][BLOCK]; /* of 8 bits, in zigzag order */
    Spec codes[2][2];                 /* of DC and AC */
    int has_quantizers[SLOTS], has_codes[2][2], has_frame;
    uint8_t ids[3], slots[3];
} Headers;

static int read_quantizers(const uint8_t *body, size_t length, Headers *headers) {
    for (; length >= 1 + BLOCK; body += 1 + BLOCK, length -= 1 + BLOCK) {
        int slot = body[0];
        if (slot >= SLOTS) return 0; /* or of 16 bits */
        memcpy(headers->quantizers[slot], body + 1, BLOCK);
        headers->has_quantizers[slot] = 1;
    }
    return length == 0;
}

static int read_codes(const uint8_t *body, size_t length, Headers *headers) {
    while (length >= 17) {
        int slot = body[0];
        size_t symbols = 0;
        Spec spec = {0};
        memcpy(spec.counts, body + 1, sizeof spec.counts);
        for (int i = 0; i < 16; i++) symbols += spec.counts[i];
        if ((slot & ~0x11) || symbols > sizeof spec.symbols || length < 17 + symbols) return 0;
        memcpy(spec.symbols, body + 17, symbols);
        headers->codes[slot >> 4][slot & 1] = spec;
        headers->has_codes[slot >> 4][slot & 1] = 1;
        body += 17 + symbols, length -= 17 + symbols;
    }
    return length == 0;
}

static int read_start(const uint8_t *body, size_t length, Frame *frame, Headers *headers) {
    if (headers->has_frame || length < 9 || body[0] != 8) return 0;
    headers->has_frame = 1;
    frame->height = body[1] << 8 | body[2];
    frame->width = body[3] << 8 | body[4];
    frame->components = body[5];
    if (frame->height < 1 || frame->height > MAX_SIDE_OF_JPEG || frame->width < 1 || frame->width > MAX_SIDE_OF_JPEG)
        return 0;
    if ((frame->components != 1 && frame->components != 3) || length != 6 + 3 * (size_t)frame->components) return 0;
    for (int i = 0; i < frame->components; i++) {
        const uint8_t *component = body + 6 + 3 * i;
        headers->ids[i] = component[0];
        headers->slots[i] = component[2];
        if (headers->slots[i] >= SLOTS || (i && component[1] != 0x11)) return 0;
    }
    int factors = body[7];
    if (frame->components == 1) { /* alone, it is not interleaved, whatever its factors are */
        if (factors >> 4 < 1 || factors >> 4 > 4 || (factors & 15) < 1 || (factors & 15) > 4) return 0;
        factors = 0x11;
    }
    if (factors != 0x11 && factors != 0x21 && factors != 0x22) return 0;
    frame->across = factors >> 4;
    frame->down = factors & 15;
    frame->mcus_across = (frame->width + 8 * frame->across - 1) / (8 * frame->across);
    frame->mcus_down = (frame->height + 8 * frame->down - 1) / (8 * frame->down);
    return 1;
}

static int read_scan(const uint8_t *body, size_t length, Frame *frame, Tables *tables, const Headers *headers) {
    size_t count = (size_t)frame->components;
    if (!headers->has_frame || length != 4 + 2 * count || body[0] != count) return 0;
    if (memcmp(body + 1 + 2 * count, "\0\77\0", 3) != 0) return 0; /* all coefficients, all their bits */
    for (int i = 0; i < frame->components; i++) {
        int id = body[1 + 2 * i], codes = body[2 + 2 * i], dc = codes >> 4, ac = codes & 15, slot = headers->slots[i];
        if (id != headers->ids[i] || codes & ~0x11 || !headers->has_quantizers[slot]) return 0;
        if (!headers->has_codes[0][dc] || !headers->has_codes[1][ac]) return 0;
        for (int k = 0; k < BLOCK; k++) frame->quantizers[i][zigzag[k]] = headers->quantizers[slot][k];
        if (!make_table(&tables->dc[dc], &headers->codes[0][dc], 1)) return 0;
        if (!make_table(&tables->ac[ac], &headers->codes[1][ac], 0)) return 0;
        frame->dc[i] = dc, frame->ac[i] = ac;
    }
    return 1;
}

/* Whether the colours are YCbCr, as libjpeg would have it. */
static int is_ycbcr(const Headers *headers, int adobe) {
    return (adobe == NO_ADOBE || adobe == 1) && memcmp(headers->ids, "RGB", 3) != 0;
}

int read_frame(const uint8_t *data, size_t size, Frame *frame, Tables *tables) {
    Headers headers = {0};
    size_t at = 2;
    int adobe = NO_ADOBE;
    *frame = (Frame){0};
    if (size < 4 || data[0] != 0xFF || data[1] != 0xD8) return 0;
    for (int segments = 0; segments < MAX_SEGMENTS && at + 4 <= size && data[at] == 0xFF; segments++) {
        int marker = data[at + 1], fine = 1;
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3], end = at + 2 + length;
        if (length < 2 || end > size) return 0;
        const uint8_t *body = data + at + 4;
        length -= 2;
        if (marker == DQT) {
            fine = read_quantizers(body, length, &headers);
        } else if (marker == DHT) {
            fine = read_codes(body, length, &headers);
        } else if (marker == SOF0 || marker == SOF1) {
            fine = read_start(body, length, frame, &headers);
        } else if (marker == DRI) {
            fine = length == 2;
            if (fine) frame->interval = body[0] << 8 | body[1];
        } else if (marker == SOS) {
            frame->scan = end;
            fine = frame->components == 1 || is_ycbcr(&headers, adobe);
            return fine && read_scan(body, length, frame, tables, &headers);
        } else if (marker == APP14 && length >= 12 && memcmp(body, "Adobe", 5) == 0) {
            adobe = body[11];
        } else if (marker == APP0 && length >= 14 && memcmp(body, "JFIF", 5) == 0) {
            fine = body[5] == 1; /* libjpeg warns of other versions */
        } else {
            fine = marker == COM || (marker >= APP0 && marker <= APP15);
        }
        if (!fine) return 0;
        at = end;
    }
    return 0;
}
