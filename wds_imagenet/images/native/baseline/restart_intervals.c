#include "baseline/restart_intervals.h"

#include "baseline/avx2.h"

#ifdef HAVE_BASELINE

#include <string.h>

#include "baseline/idct.h"
#include "jpeg/markers.h"

enum { MAX_BLOCKS = 6 }; /* of an MCU: four of luma, two of chroma */

/* The bits up to the next marker. */
typedef struct {
    const uint8_t *data, *end; /* the bytes behind the interval */
    uint8_t *bytes;
    size_t size;
    int restarts; /* markers read so far */
    BitReader bits;
} Interval;

/* Up to two blocks of one size: the transform takes two at once. */
typedef struct {
    int16_t coefficients[2][BLOCK + 1];
    IdctBlock blocks[2];
    int count, side;
} BlockPair;

/* Finds the marker that ends an interval, and copies the bytes before it without stuffed zeros if `copy` is not 0
 * (B.1.1.5). Returns the marker; 0 if there is none. Damaged files may have any marker here. */
static int next_interval(Interval *interval, int copy) {
    const uint8_t *at = interval->data;
    uint8_t *to = interval->bytes;
    for (;;) {
        const uint8_t *found = memchr(at, 0xFF, (size_t)(interval->end - at));
        if (!found || found + 1 >= interval->end) return 0;
        size_t length = (size_t)(found - at) + (found[1] == 0);
        if (copy) {
            memcpy(to, at, length);
            to += length;
        }
        at = found + 2;
        if (found[1]) break;
    }
    interval->data = at;
    interval->size = copy ? (size_t)(to - interval->bytes) : 0;
    if (copy) memset(to, 0, PADDING);
    interval->bits = (BitReader){0, 0, interval->bytes};
    return at[-1];
}

static size_t bits_used(const Interval *interval) {
    return 8 * (size_t)(interval->bits.next - interval->bytes) - (size_t)interval->bits.count;
}

/* Transforms the blocks of a pair that are still waiting. */
static Status flush(BlockPair *pair) {
    int count = pair->count;
    pair->count = 0;
    return count == 0 ? DONE : idct_two(&pair->blocks[0], &pair->blocks[count - 1], pair->side);
}

/* Reads one component's blocks of an MCU, whose first sample is at `to`. */
static Status read_blocks(BitReader *bits, const HuffmanTable *dc, const HuffmanTable *ac, int *last_dc,
                          const int16_t *quantizers, const Plane *plane, uint8_t *to, BlockPair *pair) {
    Status status = DONE;
    for (int down = 0; down < plane->down; down++, to += plane->side * plane->stride)
        for (int across = 0; across < plane->across; across++) {
            IdctBlock *block = &pair->blocks[pair->count];
            *block = (IdctBlock){pair->coefficients[pair->count], quantizers, to + across * plane->side, plane->stride};
            BlockKind kind = read_block(bits, dc, ac, last_dc, block->coefficients);
            if (kind == INVALID_BLOCK) return UNSUPPORTED;
            if (kind == DC_ONLY_BLOCK)
                status |= idct_dc_only(block, plane->side);
            else if (++pair->count == 2)
                status |= flush(pair);
        }
    return status;
}

static Status read_mcu(Interval *interval, const Frame *frame, const HuffmanTables *tables, int last_dc[3],
                       const Plane planes[3], int row, int column, BlockPair pairs[2]) {
    Status status = DONE;
    for (int i = 0; i < frame->components && !status; i++) {
        const Plane *plane = &planes[i];
        uint8_t *to = plane->first + plane->side * (row * plane->down * plane->stride + column * plane->across);
        status = read_blocks(&interval->bits, &tables->dc[frame->dc[i]], &tables->ac[frame->ac[i]], &last_dc[i],
                             frame->quantizers[i], plane, to, &pairs[i > 0]);
    }
    return status;
}

/* Lists the blocks of an MCU in their order (A.2.3). Returns their number. */
static int list_blocks(const Frame *frame, const HuffmanTables *tables, int last_dc[3],
                       BlockCoding codings[MAX_BLOCKS]) {
    int count = 0;
    for (int i = 0; i < frame->components; i++)
        for (int block = i ? 1 : frame->across * frame->down; block > 0; block--)
            codings[count++] = (BlockCoding){&tables->dc[frame->dc[i]], &tables->ac[frame->ac[i]], &last_dc[i]};
    return count;
}

/* Returns 1 if any of the next `count` MCUs is in the range. */
static int is_any_in(const McuRange *range, int across, int row, int column, int count) {
    for (; count > 0 && row < range->bottom; count -= across - column, row++, column = 0)
        if (row >= range->top && column < range->right && column + count > range->left) return 1;
    return 0;
}

/* Returns how many of `left` MCUs come before the next one that is in the range, or that begins a row. */
static int count_before(const McuRange *range, int across, int row, int column, int left) {
    int to = across;
    if (row >= range->top && column < range->right) to = column < range->left ? range->left : column;
    return to - column < left ? to - column : left;
}

Status read_mcus(const uint8_t *data, size_t size, const Frame *frame, const HuffmanTables *tables,
                 const McuRange *range, const Plane planes[3], uint8_t *buffer) {
    Interval interval = {.data = data + frame->scan, .end = data + size, .bytes = buffer};
    BlockPair pairs[2] = {{.side = planes[0].side}, {.side = planes[1].side}};
    BlockCoding codings[MAX_BLOCKS];
    int last_dc[3] = {0}, to_restart = 0, needed = 0, blocks = list_blocks(frame, tables, last_dc, codings);
    int end = (range->bottom - 1) * frame->mcus_across + range->right; /* MCUs, from the first */
    int all = frame->mcus_down * frame->mcus_across;
    Status status = DONE;
    for (int place = 0, row = 0, column = 0; !status && place < end;) {
        if (to_restart == 0) {
            int left = all - place, count = frame->interval && frame->interval < left ? frame->interval : left;
            if (needed && (bits_used(&interval) + 7) / 8 != interval.size) return UNSUPPORTED;
            needed = is_any_in(range, frame->mcus_across, row, column, count);
            int marker = next_interval(&interval, needed);
            if (marker != (count == left ? EOI : RST0 + (interval.restarts++ & 7))) return UNSUPPORTED;
            memset(last_dc, 0, sizeof last_dc);
            to_restart = count;
        }
        int skipped = count_before(range, frame->mcus_across, row, column, to_restart), step = skipped ? skipped : 1;
        if (needed && skipped)
            status = skip_mcus(&interval.bits, codings, blocks, skipped, interval.bytes + interval.size + REFILL);
        else if (needed)
            status = read_mcu(&interval, frame, tables, last_dc, planes, row - range->top, column - range->left, pairs);
        if (needed && bits_used(&interval) > 8 * interval.size) return UNSUPPORTED;
        place += step, to_restart -= step, column += step;
        if (column == frame->mcus_across) column = 0, row++;
    }
    if (status) return status;
    status = flush(&pairs[0]);
    return status ? status : flush(&pairs[1]);
}

#endif
