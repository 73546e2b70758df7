#include "huffman.h"

#include <string.h>

/* An entry, by the next LOOKAHEAD bits:
 *
 *     bits 0-7    how many bits the code and the number behind it take; 0 if they are not all in sight
 *     bits 8-15   how many places a coefficient moves on: 1 + the run of zeros before it
 *     bits 16-31  the coefficient, signed
 *
 * The end of a block moves on by END and is a coefficient of 0 there. Of what is not in sight:
 *
 *     bits 16-23  how many bits the number has
 *     bits 24-31  how many bits the code has; 0 for one that is longer than LOOKAHEAD, or none
 *
 * An entry of `runs` is of all symbols that are in sight, up to the end of the block:
 *
 *     bits 16-31  how many places those before its last symbol move on */
enum {
    END = 128,
    LARGEST_DC = 11,
    LARGEST_AC = 10,
    LOOKS = 5, /* that 56 bits are enough for */
};

_Static_assert(8 * (PADDING - 2 * LOOK) >= 6 * (27 + 63 * 26), "an MCU may begin where the bits end");
_Static_assert(LOOKS * LOOKAHEAD <= 56 && RUN_BITS <= LOOKAHEAD, "a refill brings 56 bits");

const uint8_t zigzag[OVERRUN] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
#define EIGHT 64, 64, 64, 64, 64, 64, 64, 64
#define SIXTY_FOUR EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT
    SIXTY_FOUR, SIXTY_FOUR,
};

/* A number of `size` bits: its lower half stands for the negative ones. */
static inline int extend(int value, int size) { return value < 1 << (size - 1) ? value - (1 << size) + 1 : value; }

static int size_of(const Table *table, int symbol) { return table->is_dc ? symbol : symbol & 15; }

static int places(const Table *table, int symbol) {
    if (table->is_dc) return 0;
    return symbol == 0 ? END : (symbol >> 4) + 1;
}

/* Of AC symbols without a number only the end of the block and sixteen zeros have a meaning in baseline. */
static int is_valid(const Table *table, int symbol) {
    if (table->is_dc) return symbol <= LARGEST_DC;
    return size_of(table, symbol) ? size_of(table, symbol) <= LARGEST_AC : symbol == 0 || symbol == 0xF0;
}

/* The entry of a symbol whose number is not in sight; 0 for one without a meaning. */
static uint32_t hidden_entry(const Table *table, int symbol, int length) {
    if (!is_valid(table, symbol)) return 0;
    return (uint32_t)length << 24 | (uint32_t)size_of(table, symbol) << 16 | (uint32_t)places(table, symbol) << 8;
}

/* Sets all entries that begin with a code. */
static void show(const Table *table, int symbol, int length, uint32_t *entries) {
    int spare = LOOKAHEAD - length, size = size_of(table, symbol);
    uint32_t hidden = hidden_entry(table, symbol, length);
    if (!hidden || size > spare) {
        for (int i = 0; i < 1 << spare; i++) entries[i] = hidden;
        return;
    }
    uint32_t common = (uint32_t)places(table, symbol) << 8 | (uint32_t)(length + size);
    for (int number = 0; number < 1 << size; number++)
        for (int i = 0; i < 1 << (spare - size); i++)
            *entries++ = (uint32_t)(size ? extend(number, size) : 0) << 16 | common;
}

static inline int bits_of(uint32_t found) { return (int)(found & 255); }

static inline unsigned moves_of(uint32_t found) { return found >> 8 & 255; }

static void make_runs(Table *table) {
    for (uint32_t i = 0; i < 1 << RUN_BITS; i++) {
        uint32_t ahead = i << (LOOKAHEAD - RUN_BITS), found = table->entries[ahead];
        uint32_t moves = moves_of(found), before = 0;
        int bits = bits_of(found) <= RUN_BITS ? bits_of(found) : 0;
        while (bits && moves < END) {
            found = table->entries[ahead << bits & ((1 << LOOKAHEAD) - 1)];
            if (!bits_of(found) || bits + bits_of(found) > RUN_BITS) break;
            before = moves;
            bits += bits_of(found), moves += moves_of(found);
        }
        table->runs[i] = before << 16 | moves << 8 | (uint32_t)bits;
    }
}

int make_table(Table *table, const Spec *spec, int is_dc) {
    if (table->is_made && table->is_dc == is_dc && memcmp(&table->spec, spec, sizeof *spec) == 0) return 1;
    table->is_made = 0;
    table->is_dc = is_dc;
    table->spec = *spec;
    memset(table->entries, 0, sizeof table->entries);
    int code = 0, symbols = 0;
    for (int length = 1; length <= 16; length++, code <<= 1) {
        int count = spec->counts[length - 1];
        table->offset[length] = symbols - code;
        if (code + count >= 1 << length) return 0; /* a code of all ones is none */
        for (int i = 0; i < count; i++, code++, symbols++) {
            if (is_dc && spec->symbols[symbols] > 15) return 0;
            if (length <= LOOKAHEAD)
                show(table, spec->symbols[symbols], length, table->entries + (code << (LOOKAHEAD - length)));
        }
        table->last[length] = count ? (code << (16 - length)) - 1 : -1;
    }
    table->last[17] = 1 << 16;
    if (!is_dc) make_runs(table);
    return table->is_made = 1;
}

/* At least 56 bits are known then. */
static inline void refill(Bits *bits) {
    uint64_t more;
    memcpy(&more, bits->next, sizeof more);
    bits->ahead |= __builtin_bswap64(more) >> bits->count;
    bits->next += (63 - bits->count) >> 3;
    bits->count |= 56;
}

static inline void drop(Bits *bits, int count) {
    bits->ahead <<= count;
    bits->count -= count;
}

/* The entry of a code that the table does not show, or 0. */
static __attribute__((noinline)) uint32_t find_long(const Table *table, int code) {
    int length = 1;
    while (code > table->last[length]) length++;
    if (length > 16) return 0;
    return hidden_entry(table, table->spec.symbols[(code >> (16 - length)) + table->offset[length]], length);
}

static inline uint32_t look(const Bits *bits, const Table *table) {
    return table->entries[bits->ahead >> (64 - LOOKAHEAD)];
}

/* Reads a symbol that is not all in sight, and the number behind it: 27 bits at most, and as many may be left then.
 * Returns an entry, 0 if there is no such code. */
static inline uint32_t read_hidden(Bits *bits, const Table *table, uint32_t found) {
    refill(bits);
    if (!(found >> 24)) found = find_long(table, (int)(bits->ahead >> 48));
    if (!found) return 0;
    int length = (int)(found >> 24), size = (int)(found >> 16 & 255);
    drop(bits, length);
    int value = size ? extend((int)(bits->ahead >> (64 - size)), size) : 0;
    drop(bits, size);
    return (uint32_t)value << 16 | (found & 0xFF00) | 1;
}

/* Returns 0, or -1 as `read_block` does. */
static inline int read_dc(Bits *bits, const Table *dc, int *last_dc) {
    refill(bits);
    uint32_t found = look(bits, dc);
    if (__builtin_expect(bits_of(found) != 0, 1))
        drop(bits, bits_of(found));
    else
        found = read_hidden(bits, dc, found);
    *last_dc += (int32_t)found >> 16;
    return !found || *last_dc < -4096 || *last_dc > 4095 ? -1 : 0; /* 11 bits and a sign are right */
}

/* Whether a block may end so: with its last coefficient, or with the end of the block. */
static inline int is_end(unsigned at) { return at == BLOCK || at > END; }

int read_block(Bits *given, const Table *dc, const Table *ac, int *last_dc, int16_t *block) {
    Bits bits = *given;
    if (read_dc(&bits, dc, last_dc)) return -1;
    block[0] = (int16_t)*last_dc;
    unsigned at = 1;
    while (at < BLOCK) {
        refill(&bits);
        for (int looks = 0; looks < LOOKS && at < BLOCK; looks++) {
            uint32_t found = look(&bits, ac);
            if (__builtin_expect(bits_of(found) != 0, 1)) {
                drop(&bits, bits_of(found));
            } else {
                found = read_hidden(&bits, ac, found);
                if (!found) return -1;
                looks = LOOKS;
            }
            at += moves_of(found);
            block[zigzag[at - 1]] = (int16_t)(found >> 16);
        }
    }
    *given = bits;
    return is_end(at) ? at != 1 + END : -1;
}

static inline int skip_block(Bits *bits, const Table *ac) {
    unsigned at = 1;
    while (at < BLOCK) {
        refill(bits);
        for (int looks = 0; looks < LOOKS && at < BLOCK; looks++) {
            uint32_t found = ac->runs[bits->ahead >> (64 - RUN_BITS)];
            /* What follows the last coefficient is no more of this block. */
            if (__builtin_expect(bits_of(found) == 0 || at + (found >> 16) >= BLOCK, 0)) found = look(bits, ac);
            if (__builtin_expect(bits_of(found) != 0, 1)) {
                drop(bits, bits_of(found));
            } else {
                found = read_hidden(bits, ac, found);
                if (!found) return -1;
                looks = LOOKS;
            }
            at += moves_of(found);
        }
    }
    return is_end(at) ? 0 : -1;
}

int skip_mcus(Bits *given, const Unit *units, int blocks, int mcus, const uint8_t *end) {
    Bits bits = *given;
    for (; mcus > 0; mcus--) {
        for (int i = 0; i < blocks; i++)
            if (read_dc(&bits, units[i].dc, units[i].last_dc) || skip_block(&bits, units[i].ac)) return -1;
        if (bits.next > end) return -1;
    }
    *given = bits;
    return 0;
}
