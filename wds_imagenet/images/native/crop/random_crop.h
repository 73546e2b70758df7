/* The random crop of an ordinary JPEG, drawn as `RandomResizedCrop` and `region_of` in Python draw it, to the last bit.
 */
#ifndef WDS_IMAGENET_RANDOM_CROP_H
#define WDS_IMAGENET_RANDOM_CROP_H

#include <stddef.h>
#include <stdint.h>

#include "common/status.h"
#include "crop/crop_job.h"

/* `RandomCropRule` of crop.py. python/fields.c reads each of these by name from a Python object. */
typedef struct {
    double min_area, max_area;           /* fractions of the picture's area */
    double min_ratio, max_ratio;         /* width to height */
    double min_log_ratio, max_log_ratio; /* natural logarithms */
    double mirror_probability;
    int size;          /* pixels of the result's side */
    int scaled_decode; /* 1: decode at 1/2, 1/4 or 1/8 where that suffices */
} RandomCropRule;

/* Returns the state of a sample's `Rng` (rng.py), from that of its epoch and the sample's index in the data set. */
uint64_t rng_state(uint64_t epoch_state, int64_t sample_index);

/* Draws a crop. UNSUPPORTED for a JPEG that is not ordinary: see jpeg/header.h. */
Status draw_crop(const uint8_t *data, size_t size, uint64_t state, const RandomCropRule *rule, CropJob *job);

#endif
