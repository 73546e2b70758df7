/* Which part of a picture becomes a row of a batch. */
#ifndef WDS_IMAGENET_WINDOW_H
#define WDS_IMAGENET_WINDOW_H

#include <stddef.h>
#include <stdint.h>

enum { WINDOW = 11, RULE = 9 };

/* The state of a sample's `Draws`, given that of its epoch and the sample's number in the data set. */
uint64_t state_of(uint64_t epoch, int64_t number);

/* Draws the window of an ordinary JPEG, as `RandomResizedCrop.window` and `region_of` in Python do it, to the last bit.
 *
 * `state` is that of the sample's `Draws`. `rule` has the range of the area, that of the ratio in logarithms, that of
 * the ratio, the probability of a mirror, the side of the result, and 1 if the picture may be decoded smaller. `window`
 * is one row of `crop_resize`, its last number left as it is. Returns 0 for a JPEG that is not ordinary; see header.h. */
int draw_window(const uint8_t *data, size_t size, uint64_t state, const double rule[RULE], double window[WINDOW]);

#endif
