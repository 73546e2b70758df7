#include "region.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "baseline.h"
#include "scans.h"

enum { TILES_ABOVE_ALL = 65536 };

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf leave;
} Errors;

static void leave(j_common_ptr common) { longjmp(((Errors *)common->err)->leave, 1); }

/* A warning says that libjpeg makes something up; traces, of levels from 0, say nothing of the kind. */
static void leave_at_warnings(j_common_ptr common, int level) {
    if (level < 0) leave(common);
}

static void say_nothing(j_common_ptr common) { (void)common; }

/* A progressive file of a megabyte can hold a million scans of a large picture. */
static void count_scans(j_common_ptr common) {
    if (((j_decompress_ptr)common)->input_scan_number > MAX_SCANS) leave(common);
}

int grow(Arena *arena, size_t size) {
    if (size <= arena->size) return 1;
    free(arena->bytes);
    size += size / 2;
    arena->bytes = malloc(size);
    arena->size = arena->bytes ? size : 0;
    return arena->bytes != NULL;
}

static int ceil_div(int a, int b) { return (a + b - 1) / b; }

/* Markers without a length, and the end: none of them is usual before the scan. */
static int is_standalone(int marker) { return marker <= 1 || (marker >= 0xD0 && marker <= 0xD9); }

/* What the headers say that restart markers can be used by. */
typedef struct {
    size_t frame; /* offset of the frame's header, behind its length */
    size_t scan;  /* offset of the first entropy-coded byte */
    int height, width, mcu_height, mcu_width, interval, tiles; /* tiles of a row of MCUs */
} Tiling;

/* Returns whether each row of MCUs is cut in equal parts, more than one of them in the picture. */
static int read_tiling(const uint8_t *data, size_t size, Tiling *tiling) {
    size_t at = 2;
    int components = 0;
    *tiling = (Tiling){0};
    while (at + 4 <= size && data[at] == 0xFF) {
        int marker = data[at + 1];
        if (marker == 0xFF) {
            at++;
            continue;
        }
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3], body = at + 4, next = at + 2 + length;
        if (is_standalone(marker) || length < 2 || next > size) return 0;
        if (marker == 0xC0 || marker == 0xC1) {
            if (tiling->frame || length < 8) return 0;
            components = data[body + 5];
            if (length != 8 + 3 * (size_t)components || (components != 1 && components != 3)) return 0;
            tiling->frame = body;
            tiling->height = data[body + 1] << 8 | data[body + 2];
            tiling->width = data[body + 3] << 8 | data[body + 4];
            tiling->mcu_height = tiling->mcu_width = 8;
            for (int i = 0; components == 3 && i < components; i++) { /* one component alone is not interleaved */
                int factors = data[body + 7 + 3 * (size_t)i];
                if (8 * (factors >> 4) > tiling->mcu_width) tiling->mcu_width = 8 * (factors >> 4);
                if (8 * (factors & 15) > tiling->mcu_height) tiling->mcu_height = 8 * (factors & 15);
            }
        } else if (marker >= 0xC2 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) {
            return 0; /* progressive or arithmetic: the parts are not all in one scan */
        } else if (marker == 0xDD) {
            if (length != 4) return 0;
            tiling->interval = data[body] << 8 | data[body + 1];
        } else if (marker == 0xDA) {
            if (!tiling->frame || data[body] != components || !tiling->interval) return 0;
            int across = ceil_div(tiling->width, tiling->mcu_width);
            if (across % tiling->interval) return 0;
            tiling->tiles = across / tiling->interval;
            tiling->scan = next;
            return tiling->height > 0 && tiling->width > 0;
        }
        at = next;
    }
    return 0;
}

/* Copies the parts that a region needs, in full pixels and with an MCU around it, into a JPEG of their own.
 *
 * Returns its size and moves the region to it; 0 if the markers are not where they should be. */
static size_t splice(const uint8_t *data, size_t size, const Tiling *tiling, int scale, Region *region,
                     Arena *spliced) {
    int mcu_height = tiling->mcu_height / scale, mcu_width = tiling->mcu_width / scale;
    int rows = ceil_div(tiling->height, tiling->mcu_height), tiles = tiling->tiles;
    if (region->bottom > ceil_div(tiling->height, scale) || region->right > ceil_div(tiling->width, scale)) return 0;
    int tile_width = mcu_width * tiling->interval;
    int top = region->top / mcu_height - 1, bottom = ceil_div(region->bottom, mcu_height) + 1;
    int left = (region->left - mcu_width) / tile_width, right = ceil_div(region->right + mcu_width, tile_width);
    if (top < 0) top = 0;
    if (bottom > rows) bottom = rows;
    if (left < 0) left = 0;
    if (right > tiles) right = tiles;
    if ((top == 0 && left == 0 && right == tiles) || (size_t)rows * (size_t)tiles > TILES_ABOVE_ALL) return 0;
    if (!grow(spliced, size + 2)) return 0;
    uint8_t *to = spliced->bytes;
    memcpy(to, data, tiling->scan);
    size_t used = tiling->scan, begin = tiling->scan;
    int height = (bottom == rows ? tiling->height : bottom * tiling->mcu_height) - top * tiling->mcu_height;
    int full_tile = tiling->mcu_width * tiling->interval;
    int width = (right == tiles ? tiling->width : right * full_tile) - left * full_tile;
    uint8_t *frame = to + tiling->frame;
    frame[1] = (uint8_t)(height >> 8), frame[2] = (uint8_t)height;
    frame[3] = (uint8_t)(width >> 8), frame[4] = (uint8_t)width;
    int restarts = 0;
    for (int row = 0, tile = 0; row < bottom;) {
        /* A part ends at the next marker: in entropy-coded data 0xFF is followed by 0. */
        const uint8_t *end = data + begin;
        for (;; end += 2) {
            end = memchr(end, 0xFF, (size_t)(data + size - end));
            if (!end || end + 1 >= data + size) return 0;
            if (end[1] != 0) break;
        }
        int last = row == rows - 1 && tile == tiles - 1;
        if (last ? end[1] != 0xD9 : end[1] != 0xD0 + ((row * tiles + tile) & 7)) return 0;
        if (row >= top && tile >= left && tile < right) {
            size_t length = (size_t)(end - (data + begin));
            memcpy(to + used, data + begin, length);
            used += length + 2;
            to[used - 2] = 0xFF;
            to[used - 1] = (uint8_t)(0xD0 + (restarts++ & 7));
        }
        begin = (size_t)(end + 2 - data);
        if (++tile == tiles) tile = 0, row++;
    }
    to[used - 1] = 0xD9;
    region->top -= top * mcu_height;
    region->bottom -= top * mcu_height;
    region->left -= left * tile_width;
    region->right -= left * tile_width;
    return used;
}

/* The decoder's own: min_DCT_scaled_size has two names. */
static int mcu_width(const struct jpeg_decompress_struct *decoder) {
#if JPEG_LIB_VERSION >= 70
    return decoder->max_h_samp_factor * decoder->min_DCT_h_scaled_size;
#else
    return decoder->max_h_samp_factor * decoder->min_DCT_scaled_size;
#endif
}

/* Scaled, libjpeg transforms some components of odd sampling at another scale than the rest. jpeg_crop_scanline
 * does not know that, and leaves a part of them unwritten; and the reference shrinks such pictures otherwise. */
static int scales_plainly(const struct jpeg_decompress_struct *decoder) {
    if (decoder->num_components == 1) return 1;
    const jpeg_component_info *each = decoder->comp_info;
    int across = each->h_samp_factor, down = each->v_samp_factor;
    for (int i = 1; i < decoder->num_components; i++)
        if (each[i].h_samp_factor != 1 || each[i].v_samp_factor != 1) return 0;
    return across != 3 && down != 3 && across * down <= 4;
}

/* Returns whether the region's rows are in `pixels`; leaves by `longjmp` for anything unusual. */
static int read_rows(j_decompress_ptr decoder, int scale, const Region *region, size_t cap, Arena *pixels,
                     Image *part) {
    jpeg_read_header(decoder, TRUE);
    decoder->scale_num = 1;
    decoder->scale_denom = (unsigned)scale;
    decoder->out_color_space = JCS_RGB;
    if (decoder->num_components != 1 && decoder->num_components != 3) leave((j_common_ptr)decoder);
    if ((size_t)decoder->image_width * decoder->image_height > cap / CHANNELS) leave((j_common_ptr)decoder);
    if (scale > 1 && !scales_plainly(decoder)) leave((j_common_ptr)decoder);
    jpeg_start_decompress(decoder);
    if (region->right > (int)decoder->output_width || region->bottom > (int)decoder->output_height ||
        are_bits_missing(decoder))
        leave((j_common_ptr)decoder);
    /* Upsampling looks at its neighbours: an MCU on each side gives it the same ones as in the whole picture. */
    int left = region->left - mcu_width(decoder), right = region->right + mcu_width(decoder);
    if (left < 0) left = 0;
    if (right > (int)decoder->output_width) right = (int)decoder->output_width;
    JDIMENSION first = (JDIMENSION)left, across = (JDIMENSION)(right - left);
    if (across < decoder->output_width) jpeg_crop_scanline(decoder, &first, &across);
    size_t stride = (size_t)decoder->output_width * CHANNELS;
    JDIMENSION rows = (JDIMENSION)(region->bottom - region->top);
    if ((int)first > region->left || first + decoder->output_width < (JDIMENSION)region->right)
        leave((j_common_ptr)decoder);
    if (!grow(pixels, stride * rows)) return 0;
    if (region->top > 0) jpeg_skip_scanlines(decoder, (JDIMENSION)region->top);
    if (decoder->output_scanline != (JDIMENSION)region->top) leave((j_common_ptr)decoder);
    while ((int)decoder->output_scanline < region->bottom) {
        JSAMPROW lines[4];
        JDIMENSION here = decoder->output_scanline - (JDIMENSION)region->top;
        JDIMENSION count = rows - here < 4 ? rows - here : 4;
        for (JDIMENSION i = 0; i < count; i++) lines[i] = pixels->bytes + (here + i) * stride;
        jpeg_read_scanlines(decoder, lines, count);
    }
    part->pixels = pixels->bytes + (size_t)(region->left - (int)first) * CHANNELS;
    part->stride = (ptrdiff_t)stride;
    part->height = (int)rows;
    part->width = region->right - region->left;
    return 1;
}

static Status decode_rows(const uint8_t *data, size_t size, int scale, const Region *region, size_t cap,
                          Arena *pixels, Image *part) {
    struct jpeg_decompress_struct decoder;
    struct jpeg_progress_mgr progress = {.progress_monitor = count_scans};
    Errors errors;
    decoder.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = leave;
    errors.base.emit_message = leave_at_warnings;
    errors.base.output_message = say_nothing;
    if (setjmp(errors.leave)) {
        jpeg_destroy_decompress(&decoder);
        return LEFT_TO_OTHERS;
    }
    jpeg_create_decompress(&decoder);
    decoder.progress = &progress;
    jpeg_mem_src(&decoder, data, (unsigned long)size);
    int done = read_rows(&decoder, scale, region, cap, pixels, part);
    jpeg_destroy_decompress(&decoder);
    return done ? DECODED : NO_MEMORY;
}

int is_region(const Region *region) {
    return 0 <= region->left && region->left < region->right && region->right <= JPEG_MAX_DIMENSION &&
           0 <= region->top && region->top < region->bottom && region->bottom <= JPEG_MAX_DIMENSION;
}

Status decode_by_libjpeg(const uint8_t *data, size_t size, int scale, Region region, size_t cap, Scratch *scratch,
                         Image *part) {
    Tiling tiling;
    if (!is_region(&region) || (scale != 1 && scale != 2 && scale != 4 && scale != 8)) return LEFT_TO_OTHERS;
    if (read_tiling(data, size, &tiling)) {
        size_t less = splice(data, size, &tiling, scale, &region, &scratch->spliced);
        if (less) return decode_rows(scratch->spliced.bytes, less, scale, &region, cap, &scratch->pixels, part);
    }
    return decode_rows(data, size, scale, &region, cap, &scratch->pixels, part);
}

Status decode_region(const uint8_t *data, size_t size, int scale, Region region, size_t cap, Scratch *scratch,
                     Image *part) {
    if (!is_region(&region)) return LEFT_TO_OTHERS;
    Status status = decode_baseline(data, size, scale, region, cap, scratch, part);
    return status == LEFT_TO_OTHERS ? decode_by_libjpeg(data, size, scale, region, cap, scratch, part) : status;
}
