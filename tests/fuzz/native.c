/* Feeds mutated JPEGs to the native engine: headers, regions, resizing and optimizing.
 *
 * A libFuzzer target with clang, where N=wds_imagenet/images/native:
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -I$N native.c $(find $N -name '*.c' | grep -v /python/) -ljpeg
 * -lm If the baseline decoder supports a whole picture, libjpeg must support it too, with the same pixels. For a part
 * of a picture, libjpeg must support the headers: it reads a little beyond the part. tests/fuzz/run uses gcc, which has
 * no libFuzzer: with -DSTANDALONE the program mutates the given files itself.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <jpeglib.h>

#include "baseline/baseline.h"
#include "jpeg/header.h"
#include "jpeg/region.h"
#include "libjpeg/libjpeg_region.h"
#include "libjpeg/optimize.h"
#include "resize/resize.h"

enum { CHOICES = 6, SIDE = 96, MAX_BYTES = 64 << 20 };

static Scratch ours, theirs;

static long compared;
static jmp_buf refused;

static void leave(j_common_ptr common) {
    (void)common;
    longjmp(refused, 1);
}

static void ignore(j_common_ptr common, int level) { (void)common, (void)level; }

/* Returns 1 if libjpeg supports the headers. */
static int can_start(const uint8_t *data, size_t size) {
    struct jpeg_decompress_struct decoder;
    struct jpeg_error_mgr errors;
    decoder.err = jpeg_std_error(&errors);
    errors.error_exit = leave;
    errors.emit_message = ignore;
    int started = setjmp(refused) == 0;
    if (started) {
        jpeg_create_decompress(&decoder);
        jpeg_mem_src(&decoder, data, (unsigned long)size);
        jpeg_read_header(&decoder, TRUE);
        jpeg_start_decompress(&decoder);
    }
    jpeg_destroy_decompress(&decoder);
    return started;
}

static void compare(const uint8_t *data, size_t size, int scale, Region region, const Image *part, int all) {
    Image whole;
    Status status = decode_with_libjpeg(data, size, scale, region, MAX_BYTES, &theirs, &whole);
    if (status != DONE && (all || !can_start(data, size))) {
        fprintf(stderr, "libjpeg rejects a file that the baseline decoder supports\n");
        abort();
    }
    if (status != DONE) return;
    for (int y = 0; y < part->height; y++)
        if (memcmp(part->pixels + y * part->stride, whole.pixels + y * whole.stride, (size_t)part->width * CHANNELS)) {
            fprintf(stderr, "row %d differs from libjpeg's\n", y);
            abort();
        }
    compared++;
}

static void try_all(const uint8_t *data, size_t size, const uint8_t *choice) {
    static uint8_t out[SIDE * SIDE * CHANNELS];
    JpegHeader header;
    int is_ordinary = read_header(data, size, &header) == DONE;
    int scale = 1 << (choice[0] & 3);
    int width = is_ordinary ? (header.width + scale - 1) / scale : 64;
    int height = is_ordinary ? (header.height + scale - 1) / scale : 64;
    if (width < 1 || height < 1) return;
    Region region = {choice[1] * width / 256, choice[2] * height / 256, 0, 0};
    region.right = region.left + 1 + choice[3] * (width - region.left - 1) / 255;
    region.bottom = region.top + 1 + choice[4] * (height - region.top - 1) / 255;
    if (choice[5] & 16) region = (Region){0, 0, width, height};
    Image part;
    if (decode_baseline(data, size, scale, region, MAX_BYTES, &ours, &part) == DONE)
        compare(data, size, scale, region, &part, is_ordinary && region.right == width && region.bottom == height);
    if (decode_region(data, size, scale, region, MAX_BYTES, &ours, &part) == DONE) {
        Box box = {0, 0, part.width, part.height};
        resize_image(&part, &box, out, SIDE * CHANNELS, SIDE, SIDE, choice[5] & 1, choice[5] & 2);
    }
    uint8_t *written;
    size_t bytes;
    char reason[REASON_BYTES];
    if (choice[5] & 4 && optimize_jpeg(data, size, MAX_BYTES / CHANNELS, 1 + choice[5] % 8, choice[5] & 8, choice,
                                       CHOICES, &written, &bytes, reason) == DONE)
        free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < CHOICES) return 0;
    size -= CHOICES; /* the last bytes are no part of the JPEG: they choose region, scale and options */
    uint8_t *exact = malloc(size + !size); /* AddressSanitizer then detects a read past the end */
    memcpy(exact, data, size);
    try_all(exact, size, data + size);
    free(exact);
    return 0;
}

#ifdef STANDALONE
static uint64_t state = 88172645463325252u;

static uint64_t next(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static size_t mutate(uint8_t *data, size_t size) {
    for (int changes = 1 + (int)(next() % 6); changes; changes--) {
        size_t at = next() % 3 ? next() % (size < 1024 ? size : 1024) : next() % size;
        switch (next() % 6) {
        case 0: data[at] = (uint8_t)next(); break;
        case 1: data[at] ^= (uint8_t)(1 << next() % 8); break;
        case 2: data[at] = 0xFF; break;
        case 3:
            if (at + 4 < size) memmove(data + at, data + at + 1 + next() % 3, size - at - 3);
            break;
        case 4:
            if (at + 8 < size) memmove(data + at + 2, data + at, size - at - 2);
            break;
        default:
            if (next() % 8 == 0) size = 8 + at % (size - 7 > 0 ? size - 7 : 1);
            break;
        }
        if (size < 16) break;
    }
    return size;
}

int main(int count, char **arguments) {
    long runs = count > 2 ? atol(arguments[1]) : 0;
    for (long i = 0; i < runs; i++) {
        FILE *file = fopen(arguments[2 + i % (count - 2)], "rb");
        if (!file) return 1;
        static uint8_t original[1 << 20];
        size_t size = fread(original, 1, sizeof original - CHOICES, file);
        fclose(file);
        if (size < 64) continue;
        size = mutate(original, size);
        for (int k = 0; k < CHOICES; k++) original[size++] = (uint8_t)next();
        LLVMFuzzerTestOneInput(original, size);
    }
    printf("%ld mutated files, %ld of them decoded by the baseline decoder, and no finding\n", runs, compared);
    scratch_clear(&ours);
    scratch_clear(&theirs);
    return runs > 1000 && !compared;
}
#endif
