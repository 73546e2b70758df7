/* A part of a JPEG, decoded alone. */
#ifndef WDS_IMAGENET_REGION_H
#define WDS_IMAGENET_REGION_H

#include "frame.h"
#include "resize.h"

typedef struct {
    int left, top, right, bottom; /* pixels of the picture as it is decoded, at 1/scale of its size */
} Region;

/* Memory that its owner uses again and again. */
typedef struct {
    uint8_t *bytes;
    size_t size;
} Arena;

/* A thread's own memory and tables, all zero at first. */
typedef struct {
    Arena pixels, spliced, planes;
    Tables tables;
} Scratch;

/* Makes an arena at least so large; what was in it is lost. Returns whether there was memory. */
int grow(Arena *arena, size_t size);

typedef enum {
    DECODED = 0,
    LEFT_TO_OTHERS = 1, /* something is unusual, or damaged: the whole decoder will say what */
    NO_MEMORY = 2,
} Status;

/* Whether it has pixels, and no more than a JPEG can have. */
int is_region(const Region *region);

/* Decodes a region of a JPEG at 1/scale (1, 2, 4 or 8) of its size.
 *
 * The pixels equal those of a full decode by libjpeg-turbo: slow integer DCT, fancy upsampling. Where restart
 * markers cut each row of MCUs in equal parts, only the parts that the region needs are decoded; else all that
 * lies above and beside it is entropy-decoded, but not transformed, and what lies below is not looked at.
 * Any warning of libjpeg ends in LEFT_TO_OTHERS, and so do a region that is not in the picture, a scale that is
 * none of these, and a picture whose pixels, all of them, would take more than `cap` bytes. `part` is in `pixels`; our
 * own decoder holds the samples too, as much again; libjpeg, of a picture of several scans, all its coefficients, which
 * take twice the bytes of the pixels. */
Status decode_region(const uint8_t *data, size_t size, int scale, Region region, size_t cap, Scratch *scratch,
                     Image *part);

/* The same, never by our own decoder of baseline.h. */
Status decode_by_libjpeg(const uint8_t *data, size_t size, int scale, Region region, size_t cap, Scratch *scratch,
                         Image *part);

#endif
