/* Bilinear resize of 8-bit RGB, antialiased or plain, in one pass over pairs of output rows.
 *
 * The filter is that of Pillow (Resample.c) and torch: a triangle around the centre of each output pixel. Its width
 * grows as the picture shrinks. It is normalised where the picture's sides cut it. Weights have 14 bits.
 */
#include "resize/resize.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "resize/filters.h"

enum { SLACK = 64 }; /* pixels behind a row that the filters may read */

static void axis_free(Axis *axis) {
    free(axis->first);
    free(axis->weights);
}

/* Computes the weights of one axis. DONE or NO_MEMORY. */
static Status axis_make(Axis *axis, int inputs, double low, double high, int outputs, int antialias) {
    double scale = (high - low) / outputs, spread = antialias && scale > 1 ? scale : 1;
    int widest = (int)ceil(2 * spread); /* inputs closer than `spread` to any point */
    axis->count = (widest + 1) & ~1;
    axis->first = malloc(sizeof(int) * (size_t)outputs);
    axis->weights = calloc((size_t)outputs * (size_t)axis->count, sizeof(int16_t));
    double *exact = malloc(sizeof(double) * (size_t)axis->count);
    if (!axis->first || !axis->weights || !exact) {
        free(exact);
        return NO_MEMORY;
    }
    for (int i = 0; i < outputs; i++) {
        double centre = low + (i + 0.5) * scale, sum = 0;
        int start = (int)floor(centre - spread + 0.5), stop = (int)floor(centre + spread + 0.5);
        if (start < 0) start = 0;
        if (stop > inputs) stop = inputs;
        if (stop - start > axis->count) stop = start + axis->count;
        for (int k = start; k < stop; k++) {
            double away = fabs((k - centre + 0.5) / spread);
            exact[k - start] = away < 1 ? 1 - away : 0;
            sum += exact[k - start];
        }
        /* A filter that would pass the picture's end begins earlier, so that every read is inside. */
        int first = start + axis->count > inputs ? inputs - axis->count : start;
        if (first < 0) first = 0;
        int16_t *weights = axis->weights + (size_t)i * (size_t)axis->count;
        /* The running sum is rounded, not each weight, so that the weights sum to one exactly: plain areas stay
         * plain, and even a thousand weights below half a unit count. */
        double running = 0, unit = (1 << BITS) / sum;
        int before = 0;
        for (int k = start; k < stop; k++) {
            running += exact[k - start] * unit;
            int now = (int)(running + 0.5);
            weights[k - first] = (int16_t)(now - before);
            before = now;
        }
        axis->first[i] = first;
    }
    free(exact);
    return DONE;
}

static void column(const Image *image, const Axis *axis, int i, int16_t *out, int from, int to, int fast) {
    /* `count` exceeds the rows only where a picture is lower than the filter. */
    int count = axis->count < image->height ? axis->count : image->height;
    const uint8_t *rows = image->pixels + axis->first[i] * image->stride;
    const int16_t *weights = axis->weights + (size_t)i * (size_t)axis->count;
#ifdef HAVE_FAST
    if (fast && count == axis->count) {
        column_fast(rows, image->stride, weights, count, out, from, to);
        return;
    }
#endif
    (void)fast;
    column_plain(rows, image->stride, weights, count, out, from, to);
}

Status resize_image(const Image *image, const Box *box, uint8_t *out, ptrdiff_t out_stride, int height, int width,
                    int antialias, int mirror) {
    Axis across = {0}, down = {0};
    size_t line = (size_t)image->width * CHANNELS + (size_t)SLACK * CHANNELS;
    int16_t *lines = NULL;
    int failed = axis_make(&across, image->width, box->left, box->right, width, antialias) ||
                 axis_make(&down, image->height, box->top, box->bottom, height, antialias);
    line += (size_t)across.count * CHANNELS;
    if (!failed) failed = (lines = calloc(2 * line, sizeof *lines)) == NULL;
    if (!failed) {
        int from = across.first[0] * CHANNELS, fast = is_fast();
        int to = (across.first[width - 1] + across.count) * CHANNELS;
        if (to > image->width * CHANNELS) to = image->width * CHANNELS;
        for (int y = 0; y < height; y += 2) {
            int both = y + 1 < height;
            int16_t *one = lines, *two = lines + line;
            uint8_t *target = out + y * out_stride;
            column(image, &down, y, one, from, to, fast);
            if (both) column(image, &down, y + 1, two, from, to, fast);
#ifdef HAVE_FAST
            if (fast && both) {
                rows_fast(one, two, &across, width, target, target + out_stride, mirror);
                continue;
            }
#endif
            row_plain(one, &across, width, target, mirror);
            if (both) row_plain(two, &across, width, target + out_stride, mirror);
        }
    }
    free(lines);
    axis_free(&across);
    axis_free(&down);
    return failed ? NO_MEMORY : DONE;
}
