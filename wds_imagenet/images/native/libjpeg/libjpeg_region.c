#include "libjpeg/libjpeg_region.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "libjpeg/errors.h"
#include "libjpeg/scans.h"
#include "libjpeg/tiles.h"

_Static_assert(MAX_JPEG_SIDE <= JPEG_MAX_DIMENSION, "libjpeg decodes every region");

static _Noreturn void refuse(j_decompress_ptr decoder) {
    leave_because((j_common_ptr)decoder, UNSUPPORTED, "its headers are unusual");
}

/* The width of an MCU as it is decoded. libjpeg 7 renamed min_DCT_scaled_size. */
static int mcu_width(const struct jpeg_decompress_struct *decoder) {
#if JPEG_LIB_VERSION >= 70
    return decoder->max_h_samp_factor * decoder->min_DCT_h_scaled_size;
#else
    return decoder->max_h_samp_factor * decoder->min_DCT_scaled_size;
#endif
}

/* Returns 1 if libjpeg scales all components alike. It transforms some components of odd sampling at another scale;
 * jpeg_crop_scanline ignores that, and leaves a part of them unwritten. The reference, too, gives other pixels. */
static int scales_plainly(const struct jpeg_decompress_struct *decoder) {
    if (decoder->num_components == 1) return 1;
    const jpeg_component_info *each = decoder->comp_info;
    int across = each->h_samp_factor, down = each->v_samp_factor;
    for (int i = 1; i < decoder->num_components; i++)
        if (each[i].h_samp_factor != 1 || each[i].v_samp_factor != 1) return 0;
    return across != 3 && down != 3 && across * down <= 4;
}

/* Reads the region's rows into `pixels`. Leaves by `longjmp` for anything unusual. DONE or NO_MEMORY. */
static Status read_rows(j_decompress_ptr decoder, int scale, const Region *region, size_t max_bytes, Arena *pixels,
                        Image *part) {
    jpeg_read_header(decoder, TRUE);
    decoder->scale_num = 1;
    decoder->scale_denom = (unsigned)scale;
    decoder->out_color_space = JCS_RGB;
    if (decoder->num_components != 1 && decoder->num_components != 3) refuse(decoder);
    if ((size_t)decoder->image_width * decoder->image_height > max_bytes / CHANNELS) refuse(decoder);
    if (scale > 1 && !scales_plainly(decoder)) refuse(decoder);
    jpeg_start_decompress(decoder);
    if (region->right > (int)decoder->output_width || region->bottom > (int)decoder->output_height ||
        are_bits_missing(decoder))
        refuse(decoder);
    /* Upsampling reads neighbours: an MCU more on each side gives it those of the whole picture. */
    int left = region->left - mcu_width(decoder), right = region->right + mcu_width(decoder);
    if (left < 0) left = 0;
    if (right > (int)decoder->output_width) right = (int)decoder->output_width;
    JDIMENSION first = (JDIMENSION)left, across = (JDIMENSION)(right - left);
    if (across < decoder->output_width) jpeg_crop_scanline(decoder, &first, &across);
    size_t stride = (size_t)decoder->output_width * CHANNELS;
    JDIMENSION rows = (JDIMENSION)(region->bottom - region->top);
    if ((int)first > region->left || first + decoder->output_width < (JDIMENSION)region->right) refuse(decoder);
    if (arena_grow(pixels, stride * rows)) return NO_MEMORY;
    if (region->top > 0) jpeg_skip_scanlines(decoder, (JDIMENSION)region->top);
    if (decoder->output_scanline != (JDIMENSION)region->top) refuse(decoder);
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
    return DONE;
}

static Status decode_rows(const uint8_t *data, size_t size, int scale, const Region *region, size_t max_bytes,
                          Arena *pixels, Image *part) {
    struct jpeg_decompress_struct decoder = {0};
    struct jpeg_progress_mgr progress = {.progress_monitor = limit_scans};
    LibjpegErrors errors;
    decoder.err = catch_errors(&errors);
    if (setjmp(errors.leave)) {
        jpeg_destroy_decompress(&decoder);
        return errors.status;
    }
    jpeg_create_decompress(&decoder);
    decoder.progress = &progress;
    jpeg_mem_src(&decoder, data, (unsigned long)size);
    Status status = read_rows(&decoder, scale, region, max_bytes, pixels, part);
    jpeg_destroy_decompress(&decoder);
    return status;
}

Status decode_with_libjpeg(const uint8_t *data, size_t size, int scale, Region region, size_t max_bytes,
                           Scratch *scratch, Image *part) {
    Tiling tiling;
    if (!is_region(&region) || (scale != 1 && scale != 2 && scale != 4 && scale != 8)) return UNSUPPORTED;
    if (read_tiling(data, size, &tiling) == DONE) {
        size_t less;
        Status status = splice_tiles(data, size, &tiling, scale, &region, &scratch->spliced, &less);
        if (status == NO_MEMORY) return NO_MEMORY;
        if (status == DONE)
            return decode_rows(scratch->spliced.bytes, less, scale, &region, max_bytes, &scratch->pixels, part);
    }
    return decode_rows(data, size, scale, &region, max_bytes, &scratch->pixels, part);
}
