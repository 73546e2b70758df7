#include "baseline/baseline.h"

#include "baseline/avx2.h"

#ifdef HAVE_BASELINE

#include "baseline/color.h"
#include "baseline/frame.h"
#include "baseline/restart_intervals.h"
#include "baseline/planes.h"

enum { MARGIN = 32 }; /* bytes to the left of a row of samples */

/* All sizes at 1/scale of the picture's size. */
typedef struct {
    int width, height;
    int luma, chroma; /* samples of a block's side */
    int across, down; /* luma samples to one chroma sample: 1 or 2 */
} Scaling;

/* As libjpeg-turbo's jdmaster.c: chroma of fewer samples is reduced by less, where that spares upsampling it. */
static Scaling scaling_of(const Frame *frame, int scale) {
    int luma = 8 / scale, chroma = scale > 1 && frame->across == 2 && frame->down == 2 ? 2 * luma : luma;
    return (Scaling){(frame->width + scale - 1) / scale, (frame->height + scale - 1) / scale, luma, chroma,
                     frame->across * luma / chroma,      frame->down * luma / chroma};
}

static int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }

/* Sets the range of MCUs, of `side` chroma samples, that hold a range of pixels. Upsampling needs one sample more. */
static void set_range(int begin, int end, int factor, int side, int mcus, int *first, int *last) {
    int more = factor == 2 ? 1 : 0;
    *first = clamp(begin / factor - more, 0, side * mcus - 1) / side;
    *last = clamp((end - 1) / factor + more, 0, side * mcus - 1) / side + 1;
}

/* Upsampling reads one sample beyond the picture's sides: the last sample, repeated. */
static void repeat_sides(Plane *plane, int rows, int begin, int end, int samples) {
    for (int y = 0; y < rows; y++) {
        uint8_t *row = plane->first + y * plane->stride;
        if (begin == 0) row[-1] = row[0];
        if (end >= samples) row[samples - begin] = row[samples - begin - 1];
    }
}

/* Returns a row of one chroma component at full width, upsampled into `line` if it has fewer samples. */
static const uint8_t *chroma_line(const Scaling *scaling, const Plane *plane, const McuRange *mcus,
                                  const Region *region, int y, uint8_t *line) {
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

static void write_rows(int components, const Scaling *scaling, const Region *region, const McuRange *mcus,
                       const Plane planes[3], uint8_t *lines, size_t line, uint8_t *out) {
    int width = region->right - region->left;
    for (int y = region->top; y < region->bottom; y++, out += (size_t)width * CHANNELS) {
        const uint8_t *luma = planes[0].first + (y - planes[0].side * planes[0].down * mcus->top) * planes[0].stride +
                              region->left - planes[0].side * planes[0].across * mcus->left;
        if (components == 1) {
            grey_to_rgb(luma, width, out);
        } else {
            const uint8_t *blue = chroma_line(scaling, &planes[1], mcus, region, y, lines);
            const uint8_t *red = chroma_line(scaling, &planes[2], mcus, region, y, lines + line);
            ycc_to_rgb(luma, blue, red, width, out);
        }
    }
}

Status decode_baseline(const uint8_t *data, size_t size, int scale, Region region, size_t max_bytes, Scratch *scratch,
                       Image *part) {
    Frame frame;
    McuRange mcus;
    Plane planes[3] = {0};
    if (scale != 1 && scale != 2 && scale != 4) return UNSUPPORTED;
    if (!__builtin_cpu_supports("avx2") || read_frame(data, size, &frame, &scratch->tables)) return UNSUPPORTED;
    if ((size_t)frame.width * (size_t)frame.height > max_bytes / CHANNELS) return UNSUPPORTED;
    Scaling scaling = scaling_of(&frame, scale);
    if (!is_region(&region) || region.right > scaling.width || region.bottom > scaling.height) return UNSUPPORTED;
    /* libjpeg-turbo upsamples rows of one or two samples by another formula. */
    int samples = (frame.width * scaling.chroma + 8 * frame.across - 1) / (8 * frame.across);
    if (scaling.across == 2 && samples <= 2) return UNSUPPORTED;
    set_range(region.left, region.right, scaling.across, scaling.chroma, frame.mcus_across, &mcus.left, &mcus.right);
    set_range(region.top, region.bottom, scaling.down, scaling.chroma, frame.mcus_down, &mcus.top, &mcus.bottom);

    /* One arena holds the interval's bytes, the planes, and two rows of chroma. */
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
    if (arena_grow(&scratch->planes, used + 2 * line)) return NO_MEMORY;
    if (arena_grow(&scratch->pixels, width * height * CHANNELS + ROW_SLACK)) return NO_MEMORY;
    for (int i = 0; i < frame.components; i++) planes[i].first = scratch->planes.bytes + begins[i];

    Status status = read_mcus(data, size, &frame, &scratch->tables, &mcus, planes, scratch->planes.bytes);
    if (status) return status;
    for (int i = 1; i < frame.components && scaling.across == 2; i++)
        repeat_sides(&planes[i], planes[i].side * rows, planes[i].side * mcus.left, planes[i].side * mcus.right,
                     samples);
    write_rows(frame.components, &scaling, &region, &mcus, planes, scratch->planes.bytes + lines, line,
               scratch->pixels.bytes);
    *part = (Image){scratch->pixels.bytes, (ptrdiff_t)(width * CHANNELS), (int)height, (int)width};
    return DONE;
}

#else

Status decode_baseline(const uint8_t *data, size_t size, int scale, Region region, size_t max_bytes, Scratch *scratch,
                       Image *part) {
    (void)data, (void)size, (void)scale, (void)region, (void)max_bytes, (void)scratch, (void)part;
    return UNSUPPORTED;
}

#endif
