#include "libjpeg/tiles.h"

#include <string.h>

#include "jpeg/markers.h"

enum { MAX_TILES = 65536 }; /* of a picture */

/* The frame header: B.2.2, figure B.3. `at` is its offset, behind the segment's length. */
static Status read_frame_header(const uint8_t *data, size_t at, size_t length, Tiling *tiling, int *components) {
    if (tiling->frame || length < 8) return UNSUPPORTED;
    *components = data[at + 5];
    if (length != 8 + 3 * (size_t)*components || (*components != 1 && *components != 3)) return UNSUPPORTED;
    tiling->frame = at;
    tiling->height = data[at + 1] << 8 | data[at + 2];
    tiling->width = data[at + 3] << 8 | data[at + 4];
    tiling->mcu_height = tiling->mcu_width = 8;
    for (int i = 0; *components == 3 && i < 3; i++) { /* a single component is not interleaved: A.2.2 */
        int factors = data[at + 7 + 3 * (size_t)i];
        if (8 * (factors >> 4) > tiling->mcu_width) tiling->mcu_width = 8 * (factors >> 4);
        if (8 * (factors & 15) > tiling->mcu_height) tiling->mcu_height = 8 * (factors & 15);
    }
    return DONE;
}

Status read_tiling(const uint8_t *data, size_t size, Tiling *tiling) {
    size_t at = 2;
    int components = 0;
    *tiling = (Tiling){0};
    while (at + 4 <= size && data[at] == 0xFF) {
        int marker = data[at + 1];
        if (marker == FILL) {
            at++;
            continue;
        }
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3], body = at + 4, next = at + 2 + length;
        if (is_standalone(marker) || length < 2 || next > size) return UNSUPPORTED;
        if (marker == SOF0 || marker == SOF1) {
            if (read_frame_header(data, body, length, tiling, &components)) return UNSUPPORTED;
        } else if (is_frame(marker)) {
            return UNSUPPORTED; /* progressive or arithmetic: a tile's bits are not all in one scan */
        } else if (marker == DRI) {
            if (length != 4) return UNSUPPORTED;
            tiling->interval = data[body] << 8 | data[body + 1];
        } else if (marker == SOS) {
            if (!tiling->frame || data[body] != components || !tiling->interval) return UNSUPPORTED;
            int across = ceil_div(tiling->width, tiling->mcu_width);
            if (across % tiling->interval) return UNSUPPORTED;
            tiling->tiles = across / tiling->interval;
            tiling->scan = next;
            return tiling->height > 0 && tiling->width > 0 ? DONE : UNSUPPORTED;
        }
        at = next;
    }
    return UNSUPPORTED;
}

/* Rows and columns of tiles; bottom and right are not included. */
typedef struct {
    int left, top, right, bottom;
} TileRange;

/* Returns the tiles that hold the region and an MCU around it, which upsampling reads. */
static TileRange tiles_around(const Region *region, int mcu_height, int mcu_width, int tile_width, int rows,
                              int tiles) {
    TileRange range = {
        (region->left - mcu_width) / tile_width,
        region->top / mcu_height - 1,
        ceil_div(region->right + mcu_width, tile_width),
        ceil_div(region->bottom, mcu_height) + 1,
    };
    if (range.top < 0) range.top = 0;
    if (range.bottom > rows) range.bottom = rows;
    if (range.left < 0) range.left = 0;
    if (range.right > tiles) range.right = tiles;
    return range;
}

static void write_size(uint8_t *at, int value) { at[0] = (uint8_t)(value >> 8), at[1] = (uint8_t)value; }

/* Copies the entropy-coded bytes of the tiles of a range behind `used` bytes of `to`, with their markers numbered anew.
 * Returns the bytes then used; 0 for a marker that is not where it should be. */
static size_t copy_tiles(const uint8_t *data, size_t size, const Tiling *tiling, int rows, const TileRange *range,
                         uint8_t *to, size_t used) {
    size_t begin = tiling->scan;
    int restarts = 0;
    for (int row = 0, tile = 0; row < range->bottom;) {
        /* A tile ends at the next marker: in entropy-coded data 0xFF is followed by 0 (B.1.1.5). */
        const uint8_t *end = data + begin;
        for (;; end += 2) {
            end = memchr(end, 0xFF, (size_t)(data + size - end));
            if (!end || end + 1 >= data + size) return 0;
            if (end[1] != 0) break;
        }
        int last = row == rows - 1 && tile == tiling->tiles - 1;
        if (end[1] != (last ? EOI : RST0 + ((row * tiling->tiles + tile) & 7))) return 0;
        if (row >= range->top && tile >= range->left && tile < range->right) {
            size_t length = (size_t)(end - (data + begin));
            memcpy(to + used, data + begin, length);
            used += length + 2;
            to[used - 2] = 0xFF;
            to[used - 1] = (uint8_t)(RST0 + (restarts++ & 7));
        }
        begin = (size_t)(end + 2 - data);
        if (++tile == tiling->tiles) tile = 0, row++;
    }
    to[used - 1] = EOI;
    return used;
}

Status splice_tiles(const uint8_t *data, size_t size, const Tiling *tiling, int scale, Region *region, Arena *spliced,
                    size_t *spliced_size) {
    int mcu_height = tiling->mcu_height / scale, mcu_width = tiling->mcu_width / scale;
    int rows = ceil_div(tiling->height, tiling->mcu_height), tiles = tiling->tiles;
    int tile_width = mcu_width * tiling->interval, full_tile_width = tiling->mcu_width * tiling->interval;
    if (region->bottom > ceil_div(tiling->height, scale) || region->right > ceil_div(tiling->width, scale))
        return UNSUPPORTED;
    TileRange range = tiles_around(region, mcu_height, mcu_width, tile_width, rows, tiles);
    if (range.top == 0 && range.left == 0 && range.right == tiles) return UNSUPPORTED;
    if ((size_t)rows * (size_t)tiles > MAX_TILES) return UNSUPPORTED;
    if (arena_grow(spliced, size + 2)) return NO_MEMORY;
    memcpy(spliced->bytes, data, tiling->scan);
    int bottom = range.bottom == rows ? tiling->height : range.bottom * tiling->mcu_height;
    int right = range.right == tiles ? tiling->width : range.right * full_tile_width;
    write_size(spliced->bytes + tiling->frame + 1, bottom - range.top * tiling->mcu_height);
    write_size(spliced->bytes + tiling->frame + 3, right - range.left * full_tile_width);
    *spliced_size = copy_tiles(data, size, tiling, rows, &range, spliced->bytes, tiling->scan);
    if (!*spliced_size) return UNSUPPORTED;
    region->top -= range.top * mcu_height;
    region->bottom -= range.top * mcu_height;
    region->left -= range.left * tile_width;
    region->right -= range.left * tile_width;
    return DONE;
}
