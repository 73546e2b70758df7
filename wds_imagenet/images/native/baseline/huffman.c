#include "baseline/huffman.h"

#include <string.h>

/* An entry, indexed by the next LOOKAHEAD bits. If they hold a whole code and the number behind it:
 *
 *     bits 0-7    bits of the code and the number together
 *     bits 8-15   the number of zigzag indices that the coefficient moves on: 1 + the run of zeros before it
 *     bits 16-31  the coefficient, signed
 *
 * The end of a block moves on by END, with the coefficient 0. If they do not hold both:
 *
 *     bits 0-7    0
 *     bits 8-15   as above
 *     bits 16-23  bits of the number
 *     bits 24-31  bits of the code; 0 for a code longer than LOOKAHEAD, and for none
 *
 * An entry of `runs` is the sum of all symbols that RUN_BITS bits hold, up to the end of the block:
 *
 *     bits 16-31  how far the symbols before the last one move on */
enum {
    END = 128,
    LARGEST_DC = 11, /* bits of a difference: table F.1 */
    LARGEST_AC = 10, /* bits of a coefficient: table F.2 */
    LOOKUPS = 5,     /* that one refill is enough for */
};

_Static_assert(8 * (PADDING - 2 * REFILL) >= 6 * (27 + 63 * 26), "the last MCU may begin where the bits end");
_Static_assert(LOOKUPS *LOOKAHEAD <= 56 && RUN_BITS <= LOOKAHEAD, "a refill brings 56 bits");

const uint8_t zigzag[OVERRUN] = {
    0,          1,          8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41,         34,         27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30,         37,         44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
#define EIGHT 64, 64, 64, 64, 64, 64, 64, 64
#define SIXTY_FOUR EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT
    SIXTY_FOUR, SIXTY_FOUR,
};

/* EXTEND of figure F.12: the lower half of the numbers of `size` bits is negative. */
static inline int extend(int value, int size) { return value < 1 << (size - 1) ? value - (1 << size) + 1 : value; }

static int size_of(const HuffmanTable *table, int symbol) { return table->is_dc ? symbol : symbol & 15; }

static int moves_of_symbol(const HuffmanTable *table, int symbol) {
    if (table->is_dc) return 0;
    return symbol == 0 ? END : (symbol >> 4) + 1;
}

/* Of AC symbols without a number, baseline has two: the end of the block, and sixteen zeros (F.1.2.2.1). */
static int is_valid(const HuffmanTable *table, int symbol) {
    if (table->is_dc) return symbol <= LARGEST_DC;
    return size_of(table, symbol) ? size_of(table, symbol) <= LARGEST_AC : symbol == 0 || symbol == 0xF0;
}

/* Returns the entry of a symbol whose number lies behind the lookahead; 0 for an invalid symbol. */
static uint32_t split_entry(const HuffmanTable *table, int symbol, int length) {
    if (!is_valid(table, symbol)) return 0;
    return (uint32_t)length << 24 | (uint32_t)size_of(table, symbol) << 16 |
           (uint32_t)moves_of_symbol(table, symbol) << 8;
}

/* Sets all entries that begin with the symbol's code. */
static void set_entries(const HuffmanTable *table, int symbol, int length, uint32_t *entries) {
    int spare = LOOKAHEAD - length, size = size_of(table, symbol);
    uint32_t split = split_entry(table, symbol, length);
    if (!split || size > spare) {
        for (int i = 0; i < 1 << spare; i++) entries[i] = split;
        return;
    }
    uint32_t common = (uint32_t)moves_of_symbol(table, symbol) << 8 | (uint32_t)(length + size);
    for (int number = 0; number < 1 << size; number++)
        for (int i = 0; i < 1 << (spare - size); i++)
            *entries++ = (uint32_t)(size ? extend(number, size) : 0) << 16 | common;
}

static inline int bits_in(uint32_t found) { return (int)(found & 255); }

static inline unsigned moves_in(uint32_t found) { return found >> 8 & 255; }

static void build_runs(HuffmanTable *table) {
    for (uint32_t i = 0; i < 1 << RUN_BITS; i++) {
        uint32_t next = i << (LOOKAHEAD - RUN_BITS), found = table->entries[next];
        uint32_t moves = moves_in(found), before = 0;
        int bits = bits_in(found) <= RUN_BITS ? bits_in(found) : 0;
        while (bits && moves < END) {
            found = table->entries[next << bits & ((1 << LOOKAHEAD) - 1)];
            if (!bits_in(found) || bits + bits_in(found) > RUN_BITS) break;
            before = moves;
            bits += bits_in(found), moves += moves_in(found);
        }
        table->runs[i] = before << 16 | moves << 8 | (uint32_t)bits;
    }
}

Status build_table(HuffmanTable *table, const HuffmanSpec *spec, int is_dc) {
    if (table->is_built && table->is_dc == is_dc && memcmp(&table->spec, spec, sizeof *spec) == 0) return DONE;
    table->is_built = 0;
    table->is_dc = is_dc;
    table->spec = *spec;
    memset(table->entries, 0, sizeof table->entries);
    int code = 0, symbols = 0;
    for (int length = 1; length <= 16; length++, code <<= 1) {
        int count = spec->counts[length - 1];
        table->offset[length] = symbols - code;
        if (code + count >= 1 << length) return UNSUPPORTED; /* a code of all ones is not allowed: C.1 */
        for (int i = 0; i < count; i++, code++, symbols++) {
            if (is_dc && spec->symbols[symbols] > 15) return UNSUPPORTED;
            if (length <= LOOKAHEAD)
                set_entries(table, spec->symbols[symbols], length, table->entries + (code << (LOOKAHEAD - length)));
        }
        table->last[length] = count ? (code << (16 - length)) - 1 : -1;
    }
    table->last[17] = 1 << 16;
    if (!is_dc) build_runs(table);
    table->is_built = 1;
    return DONE;
}

/* Afterwards the buffer holds at least 56 bits. */
static inline void refill(BitReader *bits) {
    uint64_t more;
    memcpy(&more, bits->next, sizeof more);
    bits->buffer |= __builtin_bswap64(more) >> bits->count;
    bits->next += (63 - bits->count) >> 3;
    bits->count |= 56;
}

static inline void drop(BitReader *bits, int count) {
    bits->buffer <<= count;
    bits->count -= count;
}

/* Returns the entry of a code longer than LOOKAHEAD; 0 if there is no such code (DECODE of figure F.16). */
static __attribute__((noinline)) uint32_t find_long_code(const HuffmanTable *table, int code) {
    int length = 1;
    while (code > table->last[length]) length++;
    if (length > 16) return 0;
    return split_entry(table, table->spec.symbols[(code >> (16 - length)) + table->offset[length]], length);
}

static inline uint32_t look_up(const BitReader *bits, const HuffmanTable *table) {
    return table->entries[bits->buffer >> (64 - LOOKAHEAD)];
}

/* Reads a symbol whose code and number exceed the lookahead: 27 bits at most, and as many remain in the buffer.
 * Returns an entry; 0 if there is no such code. */
static inline uint32_t read_long(BitReader *bits, const HuffmanTable *table, uint32_t found) {
    refill(bits);
    if (!(found >> 24)) found = find_long_code(table, (int)(bits->buffer >> 48));
    if (!found) return 0;
    int length = (int)(found >> 24), size = (int)(found >> 16 & 255);
    drop(bits, length);
    int value = size ? extend((int)(bits->buffer >> (64 - size)), size) : 0;
    drop(bits, size);
    return (uint32_t)value << 16 | (found & 0xFF00) | 1;
}

/* F.2.2.1. */
static inline Status read_dc(BitReader *bits, const HuffmanTable *dc, int *last_dc) {
    refill(bits);
    uint32_t found = look_up(bits, dc);
    if (__builtin_expect(bits_in(found) != 0, 1))
        drop(bits, bits_in(found));
    else
        found = read_long(bits, dc, found);
    *last_dc += (int32_t)found >> 16;
    return !found || *last_dc < -4096 || *last_dc > 4095 ? UNSUPPORTED : DONE; /* T.81 allows 11 bits and a sign */
}

/* Returns 1 if a block may end at this index: behind its last coefficient, or with the end of the block. */
static inline int is_block_end(unsigned at) { return at == BLOCK || at > END; }

BlockKind read_block(BitReader *given, const HuffmanTable *dc, const HuffmanTable *ac, int *last_dc, int16_t *block) {
    BitReader bits = *given;
    if (read_dc(&bits, dc, last_dc)) return INVALID_BLOCK;
    block[0] = (int16_t)*last_dc;
    unsigned at = 1;
    while (at < BLOCK) {
        refill(&bits);
        for (int lookups = 0; lookups < LOOKUPS && at < BLOCK; lookups++) {
            uint32_t found = look_up(&bits, ac);
            if (__builtin_expect(bits_in(found) != 0, 1)) {
                drop(&bits, bits_in(found));
            } else {
                found = read_long(&bits, ac, found);
                if (!found) return INVALID_BLOCK;
                lookups = LOOKUPS;
            }
            at += moves_in(found);
            block[zigzag[at - 1]] = (int16_t)(found >> 16);
        }
    }
    *given = bits;
    if (!is_block_end(at)) return INVALID_BLOCK;
    return at == 1 + END ? DC_ONLY_BLOCK : AC_BLOCK;
}

static inline Status skip_block(BitReader *bits, const HuffmanTable *ac) {
    unsigned at = 1;
    while (at < BLOCK) {
        refill(bits);
        for (int lookups = 0; lookups < LOOKUPS && at < BLOCK; lookups++) {
            uint32_t found = ac->runs[bits->buffer >> (64 - RUN_BITS)];
            /* Bits behind the last coefficient belong to the next block. */
            if (__builtin_expect(bits_in(found) == 0 || at + (found >> 16) >= BLOCK, 0)) found = look_up(bits, ac);
            if (__builtin_expect(bits_in(found) != 0, 1)) {
                drop(bits, bits_in(found));
            } else {
                found = read_long(bits, ac, found);
                if (!found) return UNSUPPORTED;
                lookups = LOOKUPS;
            }
            at += moves_in(found);
        }
    }
    return is_block_end(at) ? DONE : UNSUPPORTED;
}

Status skip_mcus(BitReader *given, const BlockCoding *codings, int blocks, int mcus, const uint8_t *end) {
    BitReader bits = *given;
    for (; mcus > 0; mcus--) {
        for (int i = 0; i < blocks; i++)
            if (read_dc(&bits, codings[i].dc, codings[i].last_dc) || skip_block(&bits, codings[i].ac))
                return UNSUPPORTED;
        if (bits.next > end) return UNSUPPORTED;
    }
    *given = bits;
    return DONE;
}
