/* One crop: a region of a JPEG that becomes one row of a batch. */
#ifndef WDS_IMAGENET_CROP_JOB_H
#define WDS_IMAGENET_CROP_JOB_H

#include "common/picture.h"

/* python/fields.c reads each of these by name from a Python object. */
typedef struct {
    int scale;     /* the JPEG is decoded at 1/scale of its size: 1, 2, 4 or 8 */
    Region region; /* decoded */
    Box box;       /* resized; in pixels of the region */
    int mirror;    /* 1: left to right */
} CropJob;

#endif
