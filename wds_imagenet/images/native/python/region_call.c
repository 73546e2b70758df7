/* decode_region(image, scale, left, top, right, bottom, out, decoder=ANY_DECODER) -> bool
 *     Decodes a region into `out`, uint8 [H, W, 3] without gaps. Returns False if the decoder does not support the
 * file. `decoder` is ANY_DECODER, BASELINE_DECODER or LIBJPEG_DECODER. Runs without the GIL.
 */
#include <string.h>

#include "baseline/baseline.h"
#include "crop/render.h"
#include "jpeg/region.h"
#include "libjpeg/libjpeg_region.h"
#include "python/buffers.h"
#include "python/calls.h"

typedef Status Decode(const uint8_t *, size_t, int, Region, size_t, Scratch *, Image *);

/* Decodes a region and copies its pixels. */
static Status decode_to(Decode *decode, const Py_buffer *image, int scale, Region region, uint8_t *out,
                        ptrdiff_t stride) {
    Image part;
    Scratch *scratch = scratch_of_thread();
    if (!scratch) return NO_MEMORY;
    size_t max_bytes = (size_t)MAX_PIXELS * CHANNELS;
    Status status = decode(image->buf, (size_t)image->len, scale, region, max_bytes, scratch, &part);
    for (int y = 0; status == DONE && y < part.height; y++)
        memcpy(out + y * stride, part.pixels + y * part.stride, (size_t)part.width * CHANNELS);
    scratch_shrink(scratch);
    return status;
}

PyObject *call_decode_region(PyObject *self, PyObject *arguments, PyObject *keywords) {
    (void)self;
    static char *names[] = {"image", "scale", "left", "top", "right", "bottom", "out", "decoder", NULL};
    Py_buffer image, out;
    Region region;
    int scale, decoder = ANY_DECODER;
    PyObject *given_out;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "y*iiiiiO|i", names, &image, &scale, &region.left,
                                     &region.top, &region.right, &region.bottom, &given_out, &decoder))
        return NULL;
    Py_ssize_t height = (Py_ssize_t)region.bottom - region.top, width = (Py_ssize_t)region.right - region.left;
    if (take_picture(given_out, height, width, &out)) {
        PyBuffer_Release(&image);
        return NULL;
    }
    Decode *decode = decoder == BASELINE_DECODER  ? decode_baseline
                     : decoder == LIBJPEG_DECODER ? decode_with_libjpeg
                                                  : decode_region;
    Status status;
    Py_BEGIN_ALLOW_THREADS;
    status = decode_to(decode, &image, scale, region, out.buf, out.strides[0]);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&out);
    PyBuffer_Release(&image);
    return status == NO_MEMORY ? PyErr_NoMemory() : PyBool_FromLong(status == DONE);
}
