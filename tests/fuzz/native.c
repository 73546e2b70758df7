/* Mutated JPEGs through the native engine: headers, regions, resizing and optimizing.
 *
 * With clang this is a libFuzzer target:
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -I$N native.c $(ls $N/*.c | grep -v module) -ljpeg -lm
 * where N=wds_imagenet/images/native. What our own decoder takes of a whole picture, libjpeg must take too, and to the
 * same pixels; of a part, libjpeg must take the headers, for it looks a little further than the part.
 * tests/fuzz/run does the same with gcc, which has no libFuzzer: with -DSTANDALONE it mutates the files that it is
 * given by itself.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <jpeglib.h>

#include "baseline.h"
#include "header.h"
#include "optimize.h"
#include "region.h"

enum { CHOICES = 6, SIDE = 96, CAP = 64 << 20 };

static Scratch own, theirs;

static long compared;
static jmp_buf refused;

static void leave(j_common_ptr common) {
    (void)common;
    longjmp(refused, 1);
}

static void ignore(j_common_ptr common, int level) { (void)common, (void)level; }

/* Whether libjpeg takes the headers. */
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
    Status status = decode_by_libjpeg(data, size, scale, region, CAP, &theirs, &whole);
    if (status != DECODED && (all || !can_start(data, size))) {
        fprintf(stderr, "libjpeg finds something wrong here\n");
        abort();
    }
    if (status != DECODED) return;
    for (int y = 0; y < part->height; y++)
        if (memcmp(part->pixels + y * part->stride, whole.pixels + y * whole.stride, (size_t)part->width * CHANNELS)) {
            fprintf(stderr, "row %d is not libjpeg's\n", y);
            abort();
        }
    compared++;
}

static void look(const uint8_t *data, size_t size, const uint8_t *choice) {
    static uint8_t out[SIDE * SIDE * CHANNELS];
    Header header;
    int known = read_header(data, size, &header);
    int scale = 1 << (choice[0] & 3);
    int width = known ? (header.width + scale - 1) / scale : 64;
    int height = known ? (header.height + scale - 1) / scale : 64;
    if (width < 1 || height < 1) return;
    Region region = {choice[1] * width / 256, choice[2] * height / 256, 0, 0};
    region.right = region.left + 1 + choice[3] * (width - region.left - 1) / 255;
    region.bottom = region.top + 1 + choice[4] * (height - region.top - 1) / 255;
    if (choice[5] & 16) region = (Region){0, 0, width, height};
    Image part;
    if (decode_baseline(data, size, scale, region, CAP, &own, &part) == DECODED)
        compare(data, size, scale, region, &part, known && region.right == width && region.bottom == height);
    if (decode_region(data, size, scale, region, CAP, &own, &part) == DECODED) {
        double box[4] = {0, 0, part.width, part.height};
        resize_image(&part, box, out, SIDE * CHANNELS, SIDE, SIDE, choice[5] & 1, choice[5] & 2);
    }
    uint8_t *written;
    size_t bytes;
    char reason[REASON_BYTES];
    if (choice[5] & 4 && optimize_jpeg(data, size, CAP / CHANNELS, 1 + choice[5] % 8, choice[5] & 8, choice, CHOICES,
                                       &written, &bytes, reason) == 0)
        free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < CHOICES) return 0;
    size -= CHOICES; /* the last bytes, which are no part of the JPEG, choose what is done */
    uint8_t *exact = malloc(size + !size); /* so that a read past the end is seen */
    memcpy(exact, data, size);
    look(exact, size, data + size);
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
        case 3: if (at + 4 < size) memmove(data + at, data + at + 1 + next() % 3, size - at - 3); break;
        case 4: if (at + 8 < size) memmove(data + at + 2, data + at, size - at - 2); break;
        default: if (next() % 8 == 0) size = 8 + at % (size - 7 > 0 ? size - 7 : 1); break;
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
    printf("%ld mutated files, of which our own decoder took %ld, and no finding\n", runs, compared);
    Scratch *each[2] = {&own, &theirs};
    for (int i = 0; i < 2; i++) free(each[i]->pixels.bytes), free(each[i]->spliced.bytes), free(each[i]->planes.bytes);
    return runs > 1000 && !compared;
}
#endif
