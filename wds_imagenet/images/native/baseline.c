#include "baseline.h"
#include "transform.h"

#ifdef HAVE_BASELINE

#include <string.h>

#include "color.h"
#include "markers.h"

enum {
    MARGIN = 32, /* of a row of samples, on the left */
    MOST = 6,    /* blocks of an MCU */
};

/* A component's samples of the MCUs that are needed. */
typedef struct {
    uint8_t *first;
    ptrdiff_t stride;
    int side;         /* samples of a block */
    int across, down; /* blocks of an MCU */
} Plane;

/* The bits up to the next marker. */
typedef struct {
    const uint8_t *data, *end; /* what comes after the interval */
    uint8_t *bytes;
    size_t size;
    int restarts; /* markers seen */
    Bits bits;
} Interval;

/* Blocks of one size that wait for another, since two are transformed at once. */
typedef struct {
    int16_t coefficients[2][BLOCK + 1];
    Job jobs[2];
    int waiting, side;
} Pair;

typedef struct {
    int left, top, right, bottom; /* MCUs */
} Mcus;

/* How large everything is at 1/scale of the picture's size. */
typedef struct {
    int width, height;
    int luma, chroma; /* samples of a block's side */
    int across, down; /* samples of luma to one of colour: 1 or 2 */
} Scaling;

/* As jdmaster.c has it: colour of fewer samples is made smaller by less, where that spares upsampling it. */
static Scaling scaling_of(const Frame *frame, int scale) {
    int luma = 8 / scale, chroma = scale > 1 && frame->across == 2 && frame->down == 2 ? 2 * luma : luma;
    return (Scaling){(frame->width + scale - 1) / scale,
                     (frame->height + scale - 1) / scale,
                     luma,
                     chroma,
                     frame->across * luma / chroma,
                     frame->down * luma / chroma};
}

static int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

/* Which MCUs, of `side` samples of colour, hold a range of pixels, and the samples beside it where those are fewer. */
static void span(int begin, int end, int factor, int side, int mcus, int *first, int *last) {
    int more = factor == 2 ? 1 : 0;
    *first = clamp(begin / factor - more, 0, side * mcus - 1) / side;
    *last = clamp((end - 1) / factor + more, 0, side * mcus - 1) / side + 1;
}

/* Finds the marker that ends a interval, and copies what is before it without stuffed zeros if asked.
 * Returns the marker, 0 if there is none, or something that only damaged files have. */
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
    interval->bits = (Bits){0, 0, interval->bytes};
    return at[-1];
}

static size_t bits_used(const Interval *interval) {
    return 8 * (size_t)(interval->bits.next - interval->bytes) - (size_t)interval->bits.count;
}

/* Returns whether the numbers were sound. */
static int flush(Pair *pair) {
    int waiting = pair->waiting;
    pair->waiting = 0;
    return waiting == 0 || idct_two(&pair->jobs[0], &pair->jobs[waiting - 1], pair->side);
}

/* Reads the blocks that a component has in an MCU, which begins at `to`. */
static int read_blocks(Bits *bits, const Table *dc, const Table *ac, int *last_dc, const int16_t *quantizers,
                       const Plane *plane, uint8_t *to, Pair *pair) {
    int fine = 1;
    for (int down = 0; down < plane->down; down++, to += plane->side * plane->stride)
        for (int across = 0; across < plane->across; across++) {
            Job *job = &pair->jobs[pair->waiting];
            *job = (Job){pair->coefficients[pair->waiting], quantizers, to + across * plane->side, plane->stride};
            int more = read_block(bits, dc, ac, last_dc, job->coefficients);
            if (more < 0) return 0;
            if (more == 0)
                fine &= idct_dc_only(job, plane->side);
            else if (++pair->waiting == 2)
                fine &= flush(pair);
        }
    return fine;
}

static int read_mcu(Interval *interval, const Frame *frame, const Tables *tables, int last_dc[3],
                    const Plane planes[3], int row, int column, Pair pairs[2]) {
    int fine = 1;
    for (int i = 0; i < frame->components && fine; i++) {
        const Plane *plane = &planes[i];
        uint8_t *to = plane->first + plane->side * (row * plane->down * plane->stride + column * plane->across);
        fine = read_blocks(&interval->bits, &tables->dc[frame->dc[i]], &tables->ac[frame->ac[i]], &last_dc[i],
                           frame->quantizers[i], plane, to, &pairs[i > 0]);
    }
    return fine;
}

/* The blocks of an MCU, in their order. Returns how many. */
static int units_of(const Frame *frame, const Tables *tables, int last_dc[3], Unit units[MOST]) {
    int count = 0;
    for (int i = 0; i < frame->components; i++)
        for (int block = i ? 1 : frame->across * frame->down; block > 0; block--)
            units[count++] = (Unit){&tables->dc[frame->dc[i]], &tables->ac[frame->ac[i]], &last_dc[i]};
    return count;
}

/* Whether any of the next `count` MCUs is needed. */
static int are_needed(const Mcus *mcus, int across, int row, int column, int count) {
    for (; count > 0 && row < mcus->bottom; count -= across - column, row++, column = 0)
        if (row >= mcus->top && column < mcus->right && column + count > mcus->left) return 1;
    return 0;
}

/* How many of `left` MCUs may be passed over before one that is needed, or that begins a row. */
static int passable(const Mcus *mcus, int across, int row, int column, int left) {
    int to = across;
    if (row >= mcus->top && column < mcus->right) to = column < mcus->left ? mcus->left : column;
    return to - column < left ? to - column : left;
}

/* Reads all MCUs up to the last that is needed. Returns whether all was right so far. */
static int read_mcus(Interval *interval, const Frame *frame, const Tables *tables, const Mcus *mcus,
                     const Plane planes[3]) {
    Pair pairs[2] = {{.side = planes[0].side}, {.side = planes[1].side}};
    Unit units[MOST];
    int last_dc[3] = {0}, to_restart = 0, needed = 0, fine = 1, blocks = units_of(frame, tables, last_dc, units);
    int end = (mcus->bottom - 1) * frame->mcus_across + mcus->right; /* MCUs, from the first */
    int all = frame->mcus_down * frame->mcus_across;
    for (int place = 0, row = 0, column = 0; fine && place < end;) {
        if (to_restart == 0) {
            int left = all - place, count = frame->interval && frame->interval < left ? frame->interval : left;
            if (needed && (bits_used(interval) + 7) / 8 != interval->size) return 0;
            needed = are_needed(mcus, frame->mcus_across, row, column, count);
            int marker = next_interval(interval, needed);
            if (marker != (count == left ? EOI : RST0 + (interval->restarts++ & 7))) return 0;
            memset(last_dc, 0, sizeof last_dc);
            to_restart = count;
        }
        int passed = passable(mcus, frame->mcus_across, row, column, to_restart), step = passed ? passed : 1;
        if (needed && passed)
            fine = !skip_mcus(&interval->bits, units, blocks, passed, interval->bytes + interval->size + LOOK);
        else if (needed)
            fine = read_mcu(interval, frame, tables, last_dc, planes, row - mcus->top, column - mcus->left, pairs);
        if (needed && bits_used(interval) > 8 * interval->size) return 0;
        place += step, to_restart -= step, column += step;
        if (column == frame->mcus_across) column = 0, row++;
    }
    return fine && flush(&pairs[0]) && flush(&pairs[1]);
}

/* What upsampling sees beyond the picture's sides is its last sample. */
static void repeat_sides(Plane *plane, int rows, int begin, int end, int samples) {
    for (int y = 0; y < rows; y++) {
        uint8_t *row = plane->first + y * plane->stride;
        if (begin == 0) row[-1] = row[0];
        if (end >= samples) row[samples - begin] = row[samples - begin - 1];
    }
}

/* A line of one colour in full width: upsampled into `line` where its samples are fewer. */
static const uint8_t *chroma_line(const Scaling *scaling, const Plane *plane, const Mcus *mcus, const Region *region,
                                  int y, uint8_t *line) {
    int left = region->left / scaling->across, count = (region->right - 1) / scaling->across + 1 - left;
    int rows = (scaling->height + scaling->down - 1) / scaling->down, row = y / scaling->down;
    const uint8_t *near =
        plane->first + (row - plane->side * mcus->top) * plane->stride + left - plane->side * mcus->left;
    if (scaling->across == 1) return near;
    if (scaling->down == 1) {
        upsample_h2v1(near, count, line);
    } else {
        int other = clamp(y & 1 ? row + 1 : row - 1, 0, rows - 1);
        upsample_h2v2(near, near + (other - row) * plane->stride, count, line);
    }
    return line + region->left % 2;
}

static void write_rows(int components, const Scaling *scaling, const Region *region, const Mcus *mcus,
                       const Plane planes[3], uint8_t *lines, size_t line, uint8_t *out) {
    int width = region->right - region->left;
    for (int y = region->top; y < region->bottom; y++, out += (size_t)width * CHANNELS) {
        const uint8_t *luma = planes[0].first +
                              (y - planes[0].side * planes[0].down * mcus->top) * planes[0].stride + region->left -
                              planes[0].side * planes[0].across * mcus->left;
        if (components == 1) {
            grey_to_rgb(luma, width, out);
        } else {
            const uint8_t *blue = chroma_line(scaling, &planes[1], mcus, region, y, lines);
            const uint8_t *red = chroma_line(scaling, &planes[2], mcus, region, y, lines + line);
            ycc_to_rgb(luma, blue, red, width, out);
        }
    }
}

Status decode_baseline(const uint8_t *data, size_t size, int scale, Region region, size_t cap, Scratch *scratch,
                       Image *part) {
    Frame frame;
    Mcus mcus;
    Plane planes[3] = {0};
    if (scale != 1 && scale != 2 && scale != 4) return LEFT_TO_OTHERS;
    if (!__builtin_cpu_supports("avx2") || !read_frame(data, size, &frame, &scratch->tables)) return LEFT_TO_OTHERS;
    if ((size_t)frame.width * (size_t)frame.height > cap / CHANNELS) return LEFT_TO_OTHERS;
    Scaling scaling = scaling_of(&frame, scale);
    if (!is_region(&region) || region.right > scaling.width || region.bottom > scaling.height) return LEFT_TO_OTHERS;
    /* Two samples a row become four in another way. */
    int samples = (frame.width * scaling.chroma + 8 * frame.across - 1) / (8 * frame.across);
    if (scaling.across == 2 && samples <= 2) return LEFT_TO_OTHERS;
    span(region.left, region.right, scaling.across, scaling.chroma, frame.mcus_across, &mcus.left, &mcus.right);
    span(region.top, region.bottom, scaling.down, scaling.chroma, frame.mcus_down, &mcus.top, &mcus.bottom);

    /* One piece of memory: the interval's bits, the planes, two lines of colour. */
    size_t used = size + PADDING, begins[3];
    int columns = mcus.right - mcus.left, rows = mcus.bottom - mcus.top;
    for (int i = 0; i < frame.components; i++) {
        Plane *plane = &planes[i];
        plane->across = i ? 1 : frame.across;
        plane->down = i ? 1 : frame.down;
        plane->side = i ? scaling.chroma : scaling.luma;
        plane->stride = (ptrdiff_t)plane->side * columns * plane->across + MARGIN + ROW_SLACK;
        begins[i] = used + MARGIN;
        used += (size_t)plane->stride * (size_t)plane->side * (size_t)rows * (size_t)plane->down;
    }
    size_t line = (size_t)16 * (size_t)columns + ROW_SLACK, lines = used;
    size_t width = (size_t)(region.right - region.left), height = (size_t)(region.bottom - region.top);
    if (!grow(&scratch->planes, used + 2 * line) || !grow(&scratch->pixels, width * height * CHANNELS + ROW_SLACK))
        return NO_MEMORY;
    for (int i = 0; i < frame.components; i++) planes[i].first = scratch->planes.bytes + begins[i];

    Interval interval = {.data = data + frame.scan, .end = data + size, .bytes = scratch->planes.bytes};
    if (!read_mcus(&interval, &frame, &scratch->tables, &mcus, planes)) return LEFT_TO_OTHERS;
    for (int i = 1; i < frame.components && scaling.across == 2; i++)
        repeat_sides(&planes[i], planes[i].side * rows, planes[i].side * mcus.left, planes[i].side * mcus.right,
                     samples);
    write_rows(frame.components, &scaling, &region, &mcus, planes, scratch->planes.bytes + lines, line,
               scratch->pixels.bytes);
    *part = (Image){scratch->pixels.bytes, (ptrdiff_t)(width * CHANNELS), (int)height, (int)width};
    return DECODED;
}

#else

Status decode_baseline(const uint8_t *data, size_t size, int scale, Region region, size_t cap, Scratch *scratch,
                       Image *part) {
    (void)data, (void)size, (void)scale, (void)region, (void)cap, (void)scratch, (void)part;
    return LEFT_TO_OTHERS;
}

#endif
