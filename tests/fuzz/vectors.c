/* Compares the vectorised resize (AVX2 or NEON) with the plain one, bit for bit. See run-vectors. */
#include "resize/resize.c"

#include <stdio.h>

static uint64_t state = 88172645463325252u;

static int below(int limit) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (int)(state % (uint64_t)limit);
}

/* Draws two different points of a side, in order. */
static void draw(double *low, double *high, int side) {
    *low = below(1000) / 1000.0 * (side - 0.01);
    *high = *low + (1 + below(1000)) / 1000.0 * (side - *low);
    if (*high > side) *high = side;
}

static void resize_plainly(const Image *image, const Box *box, uint8_t *out, int height, int width, int antialias,
                           int mirror) {
    Axis across = {0}, down = {0};
    if (axis_make(&across, image->width, box->left, box->right, width, antialias) ||
        axis_make(&down, image->height, box->top, box->bottom, height, antialias))
        abort();
    int16_t *line = calloc((size_t)image->width + (size_t)across.count, CHANNELS * sizeof *line);
    for (int y = 0; y < height; y++) {
        column(image, &down, y, line, 0, image->width * CHANNELS, 0);
        row_plain(line, &across, width, out + (size_t)y * (size_t)width * CHANNELS, mirror);
    }
    free(line);
    axis_free(&across);
    axis_free(&down);
}

int main(int count, char **arguments) {
    uint64_t sum = 14695981039346656037u;
    int runs = count > 1 ? atoi(arguments[1]) : 1000;
    for (int run = 0; run < runs; run++) {
        int width = 1 + below(300), height = 1 + below(run % 3 ? 200 : 20);
        int wide = 1 + below(120), high = 1 + below(90), kind = below(3);
        size_t bytes = (size_t)width * (size_t)height * CHANNELS, small = (size_t)wide * (size_t)high * CHANNELS;
        uint8_t *pixels = malloc(bytes), *fast = malloc(small), *plain = malloc(small);
        for (size_t i = 0; i < bytes; i++)
            pixels[i] = (uint8_t)(kind == 0 ? below(256) : kind == 1 ? 255 : 255 * below(2));
        Image image = {pixels, (ptrdiff_t)width * CHANNELS, height, width};
        Box box;
        draw(&box.left, &box.right, width);
        draw(&box.top, &box.bottom, height);
        int antialias = below(2), mirror = below(2);
        if (resize_image(&image, &box, fast, (ptrdiff_t)wide * CHANNELS, high, wide, antialias, mirror)) return 1;
        resize_plainly(&image, &box, plain, high, wide, antialias, mirror);
        if (memcmp(fast, plain, small) != 0) {
            printf("run %d differs\n", run);
            return 1;
        }
        for (size_t i = 0; i < small; i++) sum = (sum ^ fast[i]) * 1099511628211u;
        free(pixels);
        free(fast);
        free(plain);
    }
    printf("%d pictures alike, FNV-1a of all pixels %016llx\n", runs, (unsigned long long)sum);
    return 0;
}
