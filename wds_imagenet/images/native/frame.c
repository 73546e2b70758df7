#include "frame.h"

#include <string.h>

enum { DHT = 0xC4, SOF0 = 0xC0, SOF1 = 0xC1, SOS = 0xDA, DQT = 0xDB, DRI = 0xDD, APP0 = 0xE0, APP14 = 0xEE, COM = 0xFE };
enum { SLOTS = 4, MAX_SEGMENTS = 1000 };

/* What the segments have said so far. */
typedef struct {
    const uint8_t *steps[SLOTS]; /* 64 of 8 bits */
    const uint8_t *codes[2][2];  /* 16 counts, and the symbols: DC and AC */
    uint8_t ids[3], slots[3];
    int has_frame;
} Heard;

static int read_steps(const uint8_t *body, size_t length, Heard *heard) {
    for (; length >= 1 + BLOCK; body += 1 + BLOCK, length -= 1 + BLOCK) {
        if (body[0] >= SLOTS) return 0; /* or of 16 bits */
        heard->steps[body[0]] = body + 1;
    }
    return length == 0;
}

static int read_codes(const uint8_t *body, size_t length, Heard *heard) {
    while (length >= 17) {
        size_t symbols = 0;
        for (int i = 1; i <= 16; i++) symbols += body[i];
        if ((body[0] & ~0x11) || symbols > 256 || length < 17 + symbols) return 0;
        heard->codes[body[0] >> 4][body[0] & 1] = body + 1;
        body += 17 + symbols, length -= 17 + symbols;
    }
    return length == 0;
}

static int read_start(const uint8_t *body, size_t length, Frame *frame, Heard *heard) {
    if (heard->has_frame || length < 9 || body[0] != 8) return 0;
    heard->has_frame = 1;
    frame->height = body[1] << 8 | body[2];
    frame->width = body[3] << 8 | body[4];
    frame->components = body[5];
    if (!frame->height || !frame->width || (body[5] != 1 && body[5] != 3) || length != 6 + 3 * (size_t)body[5]) return 0;
    for (int i = 0; i < frame->components; i++) {
        const uint8_t *component = body + 6 + 3 * i;
        heard->ids[i] = component[0];
        heard->slots[i] = component[2];
        if (component[2] >= SLOTS || (i && component[1] != 0x11)) return 0;
    }
    int factors = frame->components == 1 ? 0x11 : body[7]; /* one component alone is not interleaved */
    if (factors != 0x11 && factors != 0x21 && factors != 0x22) return 0;
    frame->across = factors >> 4;
    frame->down = factors & 15;
    frame->mcus_across = (frame->width + 8 * frame->across - 1) / (8 * frame->across);
    frame->mcus_down = (frame->height + 8 * frame->down - 1) / (8 * frame->down);
    return frame->across == 1 || frame->width > 4; /* of two samples a row, libjpeg makes four in another way */
}

static int take_table(Table *table, const uint8_t *codes, int is_dc) {
    if (!codes) return 0;
    Spec spec = {0};
    size_t symbols = 0;
    for (int i = 0; i < 16; i++) symbols += codes[i];
    memcpy(spec.counts, codes, sizeof spec.counts);
    memcpy(spec.symbols, codes + sizeof spec.counts, symbols);
    return make_table(table, &spec, is_dc);
}

static int read_scan(const uint8_t *body, size_t length, Frame *frame, Tables *tables, const Heard *heard) {
    size_t count = (size_t)frame->components;
    if (!heard->has_frame || length != 4 + 2 * count || body[0] != count) return 0;
    if (memcmp(body + 1 + 2 * count, "\0\77\0", 3) != 0) return 0; /* all coefficients, all their bits */
    for (int i = 0; i < frame->components; i++) {
        const uint8_t *component = body + 1 + 2 * i, *steps = heard->steps[heard->slots[i]];
        if (component[0] != heard->ids[i] || component[1] & ~0x11 || !steps) return 0;
        frame->dc[i] = component[1] >> 4;
        frame->ac[i] = component[1] & 15;
        for (int k = 0; k < BLOCK; k++) frame->steps[i][natural[k]] = steps[k];
        if (!take_table(&tables->dc[frame->dc[i]], heard->codes[0][frame->dc[i]], 1) ||
            !take_table(&tables->ac[frame->ac[i]], heard->codes[1][frame->ac[i]], 0))
            return 0;
    }
    return 1;
}

/* Whether the colours are YCbCr, as libjpeg would have it. */
static int is_ycbcr(const Heard *heard, int adobe) { return adobe <= 1 && adobe != 0 && memcmp(heard->ids, "RGB", 3) != 0; }

int read_frame(const uint8_t *data, size_t size, Frame *frame, Tables *tables) {
    Heard heard = {0};
    size_t at = 2;
    int adobe = -1;
    *frame = (Frame){0};
    if (size < 4 || data[0] != 0xFF || data[1] != 0xD8) return 0;
    for (int segments = 0; segments < MAX_SEGMENTS && at + 4 <= size && data[at] == 0xFF; segments++) {
        int marker = data[at + 1], fine = 1;
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3], end = at + 2 + length;
        if (length < 2 || end > size) return 0;
        const uint8_t *body = data + at + 4;
        length -= 2;
        if (marker == DQT) {
            fine = read_steps(body, length, &heard);
        } else if (marker == DHT) {
            fine = read_codes(body, length, &heard);
        } else if (marker == SOF0 || marker == SOF1) {
            fine = read_start(body, length, frame, &heard);
        } else if (marker == DRI) {
            fine = length == 2;
            if (fine) frame->interval = body[0] << 8 | body[1];
        } else if (marker == SOS) {
            frame->scan = end;
            return (frame->components == 1 || is_ycbcr(&heard, adobe)) && read_scan(body, length, frame, tables, &heard);
        } else if (marker == APP14 && length >= 12 && memcmp(body, "Adobe", 5) == 0) {
            adobe = body[11];
        } else if (marker == APP0 && length >= 14 && memcmp(body, "JFIF", 5) == 0) {
            fine = body[5] == 1; /* libjpeg warns of other versions */
        } else {
            fine = marker == COM || (marker >= APP0 && marker <= APP0 + 15);
        }
        if (!fine) return 0;
        at = end;
    }
    return 0;
}
