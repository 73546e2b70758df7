/* Baseline JPEG's entropy coding: ISO/IEC 10918-1, annexes C and F. */
#ifndef WDS_IMAGENET_HUFFMAN_H
#define WDS_IMAGENET_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

enum {
    LOOKAHEAD = 11,     /* bits that one look at a table takes */
    RUN_BITS = 10,      /* the same where blocks are passed over: small tables are made sooner */
    BLOCK = 64,         /* coefficients */
    OVERRUN = 192,      /* one more than the furthest place that a symbol can lead to */
    LOOK = 8,           /* bytes, at a time */
    PADDING = 1280,     /* zeros behind the bits: a look that passes the end, 6 blocks of 27 + 63 · 26 bits, a look */
};

/* Where the coefficients of a block lie, by their place in zigzag order; BLOCK takes all that is beyond the end. */
extern const uint8_t zigzag[OVERRUN];

/* A Huffman table as a file has it. */
typedef struct {
    uint8_t counts[16];
    uint8_t symbols[256];
} Spec;

/* The same, to look at with the next bits: see `huffman.c`. */
typedef struct {
    uint32_t entries[1 << LOOKAHEAD];
    uint32_t runs[1 << RUN_BITS]; /* of AC: several symbols at once, for those who pass over them */
    int32_t last[18]; /* the last code of each length, shifted to 16 bits; the 17th ends every search */
    int32_t offset[17];
    Spec spec;
    int is_made, is_dc;
} Table;

/* The bits of a segment without stuffed zeros, PADDING zeros behind. */
typedef struct {
    uint64_t ahead; /* the next bits, from the highest on */
    int count;      /* of them that count; `refill` brings whole bytes and a few bits more */
    const uint8_t *next;
} Bits;

/* Returns whether the codes of these lengths make sense. Costs nothing if the table is the same as before. */
int make_table(Table *table, const Spec *spec, int is_dc);

/* Reads a block. `block`, of BLOCK + 1 numbers, the first BLOCK zero before, then has the coefficients in natural order.
 * Returns whether there are more than the first: 1 or 0; -1 for what is no right code. */
int read_block(Bits *bits, const Table *dc, const Table *ac, int *last_dc, int16_t *block);

/* A block of an MCU. */
typedef struct {
    const Table *dc, *ac;
    int *last_dc;
} Unit;

/* Passes over MCUs of up to six blocks each. Returns 0, or -1 as `read_block` does, or after one that passes `end`. */
int skip_mcus(Bits *bits, const Unit *units, int blocks, int mcus, const uint8_t *end);

#endif
