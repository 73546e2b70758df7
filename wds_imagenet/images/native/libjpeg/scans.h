/* Limits of a picture's scans (ITU-T T.81, annex G). Needs jpeglib.h before it. */
#ifndef WDS_IMAGENET_SCANS_H
#define WDS_IMAGENET_SCANS_H

enum { MAX_SCANS = 100, SMOOTHED = 10 /* coefficients of a block, the lowest frequencies */ };

/* Returns 1 if a progressive picture, read to its end, lacks bits of the low frequencies (`coef_bits` of libjpeg.txt).
 * libjpeg guesses them from the blocks around: differently at a region's sides, and differently in each version. */
static inline int are_bits_missing(const struct jpeg_decompress_struct *decoder) {
    if (!decoder->progressive_mode || !decoder->coef_bits) return 0;
    for (int i = 0; i < decoder->num_components; i++)
        for (int k = 0; k < SMOOTHED; k++)
            if (decoder->coef_bits[i][k] != 0) return 1;
    return 0;
}

#endif
