/* Baseline JPEG's entropy coding: ITU-T T.81, annex C (code tables) and F.2.2 (decoding). */
#ifndef WDS_IMAGENET_HUFFMAN_H
#define WDS_IMAGENET_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

enum {
    LOOKAHEAD = 11, /* bits of one table lookup */
    RUN_BITS = 10,  /* bits of one lookup where blocks are skipped: small tables are built sooner */
    BLOCK = 64,     /* coefficients */
    OVERRUN = 192,  /* one more than the largest zigzag index that a symbol can lead to */
    REFILL = 8,     /* bytes that one refill reads */
    PADDING = 1280, /* zeros behind the bits: a refill past the end, 6 blocks of 27 + 63 · 26 bits, a refill */
};

/* The natural index of each zigzag index (figure A.6). Indices past the end of a block map to BLOCK. */
extern const uint8_t zigzag[OVERRUN];

/* A Huffman table as a file has it (B.2.4.2). */
typedef struct {
    uint8_t counts[16];   /* codes of each length: BITS */
    uint8_t symbols[256]; /* HUFFVAL */
} HuffmanSpec;

/* The same table, indexed by the next bits of the stream: see huffman.c. */
typedef struct {
    uint32_t entries[1 << LOOKAHEAD];
    uint32_t runs[1 << RUN_BITS]; /* of AC: several symbols at once, to skip blocks */
    int32_t last[18];             /* the last code of each length, shifted to 16 bits; the 17th ends every search */
    int32_t offset[17];
    HuffmanSpec spec;
    int is_built, is_dc;
} HuffmanTable;

/* The tables of a thread. Many files share their tables, which are then built only once. */
typedef struct {
    HuffmanTable dc[2], ac[2];
} HuffmanTables;

/* A reader of the bits of a restart interval: no stuffed zeros in it, PADDING zeros behind it. */
typedef struct {
    uint64_t buffer; /* the next bits, from the highest on */
    int count;       /* valid bits of the buffer; `refill` adds whole bytes, and a few bits more */
    const uint8_t *next;
} BitReader;

/* Builds the table (annex C). UNSUPPORTED for code lengths that form no code. Free if the spec is the last one. */
Status build_table(HuffmanTable *table, const HuffmanSpec *spec, int is_dc);

typedef enum {
    INVALID_BLOCK = -1, /* a code that the table lacks, or a coefficient past the end */
    DC_ONLY_BLOCK = 0,
    AC_BLOCK = 1,
} BlockKind;

/* Reads a block (F.2.2) into `block`, BLOCK + 1 numbers of which the first BLOCK are zero: in natural order. */
BlockKind read_block(BitReader *bits, const HuffmanTable *dc, const HuffmanTable *ac, int *last_dc, int16_t *block);

/* How one block of an MCU is coded. */
typedef struct {
    const HuffmanTable *dc, *ac;
    int *last_dc;
} BlockCoding;

/* Skips MCUs of up to six blocks each. UNSUPPORTED for an invalid block, and for bits that pass `end`. */
Status skip_mcus(BitReader *bits, const BlockCoding *codings, int blocks, int mcus, const uint8_t *end);

#endif
