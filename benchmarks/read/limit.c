/* The limit: libjpeg-turbo in C, without Python, torch, tar or a loader.
 *
 *     gcc -O3 -I$N limit.c $(find $N -name '*.c' | grep -v /python/) -ljpeg -lm -lpthread
 *     limit MODE THREADS IMAGES FILES...
 *
 * N is ../../wds_imagenet/images/native.
 * Files are read before the clock starts. MODE `whole` decodes whole pictures. MODE `crop` decodes the region of a
 * random crop, drawn as by RandomResizedCrop(224), at the smallest sufficient DCT scale. MODE `resize` also resizes it.
 * Prints one JSON line.
 */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libjpeg/libjpeg_region.h"
#include "resize/resize.h"

enum { SIDE = 224, MAX_THREADS = 64 };

typedef struct {
    uint8_t *data;
    size_t size;
    int width, height;
} File;

static File *files;
static int file_count, next_image, images;
static int whole, resized;

static uint64_t shuffled(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state) {
    *state += 0x9E3779B97F4A7C15u;
    return (double)(shuffled(*state) >> 11) * 0x1p-53;
}

static Region draw_crop(const File *file, uint64_t *state) {
    double area = (double)file->width * file->height;
    for (int tries = 0; tries < 10; tries++) {
        double target = area * (0.08 + 0.92 * uniform(state));
        double ratio = exp(log(3. / 4) + uniform(state) * (log(4. / 3) - log(3. / 4)));
        int width = (int)lround(sqrt(target * ratio)), height = (int)lround(sqrt(target / ratio));
        if (width < 1 || height < 1 || width > file->width || height > file->height) continue;
        int left = (int)(uniform(state) * (file->width - width + 1)),
            top = (int)(uniform(state) * (file->height - height + 1));
        return (Region){left, top, left + width, top + height};
    }
    return (Region){0, 0, file->width, file->height};
}

static void *work(void *unused) {
    static _Thread_local Scratch scratch;
    static _Thread_local uint8_t out[SIDE * SIDE * CHANNELS];
    for (;;) {
        int number = __atomic_fetch_add(&next_image, 1, __ATOMIC_RELAXED);
        if (number >= images) break;
        const File *file = &files[number % file_count];
        uint64_t state = (uint64_t)number * 0xD1342543DE82EF95u + 1;
        Region crop = draw_crop(file, &state);
        if (whole) crop = (Region){0, 0, file->width, file->height};
        int scale = 1;
        while (!whole && scale < 8 && crop.right - crop.left >= 2 * scale * SIDE &&
               crop.bottom - crop.top >= 2 * scale * SIDE)
            scale *= 2;
        Region region = {crop.left / scale, crop.top / scale, (crop.right + scale - 1) / scale,
                         (crop.bottom + scale - 1) / scale};
        Image part;
        Status status = decode_with_libjpeg(file->data, file->size, scale, region, (size_t)1 << 30, &scratch, &part);
        if (status != DONE) exit(2);
        Box box = {0, 0, part.width, part.height};
        if (resized) resize_image(&part, &box, out, SIDE * CHANNELS, SIDE, SIDE, 1, number & 1);
    }
    free(scratch.pixels.bytes);
    free(scratch.spliced.bytes);
    return unused;
}

static int load(const char *path, File *file) {
    FILE *stream = fopen(path, "rb");
    if (!stream) return 0;
    fseek(stream, 0, SEEK_END);
    file->size = (size_t)ftell(stream);
    rewind(stream);
    file->data = malloc(file->size);
    int read = file->data && fread(file->data, 1, file->size, stream) == file->size;
    fclose(stream);
    for (size_t at = 2; read && at + 9 < file->size && file->data[at] == 0xFF;) {
        const uint8_t *marker = file->data + at;
        if (marker[1] >= 0xC0 && marker[1] <= 0xC2) {
            file->height = marker[5] << 8 | marker[6];
            file->width = marker[7] << 8 | marker[8];
            return 1;
        }
        at += 2 + (size_t)(marker[2] << 8 | marker[3]);
    }
    return 0;
}

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int count, char **arguments) {
    if (count < 5) return 1;
    whole = strcmp(arguments[1], "whole") == 0;
    resized = strcmp(arguments[1], "resize") == 0;
    int threads = atoi(arguments[2]);
    images = atoi(arguments[3]);
    if (threads < 1 || threads > MAX_THREADS) return 1;
    files = calloc((size_t)count, sizeof *files);
    for (int i = 4; i < count; i++) {
        if (!load(arguments[i], &files[file_count])) return 1;
        file_count++;
    }
    double began = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    pthread_t running[MAX_THREADS];
    for (int i = 0; i < threads; i++) pthread_create(&running[i], NULL, work, NULL);
    for (int i = 0; i < threads; i++) pthread_join(running[i], NULL);
    printf("{\"images\": %d, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", images, now(CLOCK_MONOTONIC) - began,
           now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return 0;
}
