/* read_header(image) -> JpegHeader, or None
 *     None for a JPEG that is not ordinary: see jpeg/header.h. Keeps the GIL.
 *
 * optimize(image, tiles, keep, exif) -> bytes
 *     The same pixels in a JPEG with restart markers: see libjpeg/optimize.h. Raises a ValueError with the reason for a
 *     file that is not supported. Runs without the GIL.
 */
#include <stdlib.h>

#include "crop/render.h"
#include "jpeg/header.h"
#include "libjpeg/optimize.h"
#include "python/calls.h"

enum { MAX_TILES_OF_A_ROW = 64 };

static PyTypeObject *jpeg_header_type;

static PyStructSequence_Field header_fields[] = {
    {"width", "pixels"},
    {"height", "pixels"},
    {"components", "1 or 3"},
    {"sampling", "of each component: horizontal factor << 4 | vertical factor"},
    {"exif_begin", "offset of the first EXIF segment's content; 0 if there is none"},
    {"exif_end", "offset of its end"},
    {NULL, NULL},
};

static PyStructSequence_Desc header_description = {"wds_imagenet.images._native.JpegHeader",
                                                   "The header of an ordinary JPEG.", header_fields, 6};

int add_jpeg_header_type(PyObject *module) {
    if (!jpeg_header_type) jpeg_header_type = PyStructSequence_NewType(&header_description);
    if (!jpeg_header_type) return -1;
    return PyModule_AddObjectRef(module, "JpegHeader", (PyObject *)jpeg_header_type);
}

static PyObject *sampling_of(const JpegHeader *header) {
    PyObject *result = PyTuple_New(header->components);
    for (int i = 0; result && i < header->components; i++) {
        PyObject *factors = PyLong_FromLong(header->sampling[i]);
        if (!factors || PyTuple_SetItem(result, i, factors)) Py_CLEAR(result);
    }
    return result;
}

PyObject *call_read_header(PyObject *self, PyObject *image) {
    (void)self;
    Py_buffer view;
    JpegHeader header;
    if (PyObject_GetBuffer(image, &view, PyBUF_SIMPLE) < 0) return NULL;
    Status status = read_header(view.buf, (size_t)view.len, &header);
    PyBuffer_Release(&view);
    if (status) Py_RETURN_NONE;
    PyObject *values[] = {
        PyLong_FromLong(header.width), PyLong_FromLong(header.height),       PyLong_FromLong(header.components),
        sampling_of(&header),          PyLong_FromSize_t(header.exif_begin), PyLong_FromSize_t(header.exif_end),
    };
    PyObject *result = PyStructSequence_New(jpeg_header_type);
    int failed = !result;
    for (int i = 0; i < 6; i++) {
        failed |= !values[i];
        if (result)
            PyStructSequence_SetItem(result, i, values[i]); /* which takes the reference */
        else
            Py_XDECREF(values[i]);
    }
    if (failed) Py_CLEAR(result);
    return result;
}

PyObject *call_optimize(PyObject *self, PyObject *arguments, PyObject *keywords) {
    (void)self;
    static char *names[] = {"image", "tiles", "keep", "exif", NULL};
    Py_buffer image, exif;
    int tiles, keep;
    uint8_t *out = NULL;
    size_t size = 0;
    char reason[REASON_BYTES];
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "y*ipy*", names, &image, &tiles, &keep, &exif)) return NULL;
    PyObject *result = NULL;
    if (tiles < 1 || tiles > MAX_TILES_OF_A_ROW) {
        PyErr_SetString(PyExc_ValueError, "tiles is not between 1 and 64");
    } else {
        Status status;
        Py_BEGIN_ALLOW_THREADS;
        status = optimize_jpeg(image.buf, (size_t)image.len, MAX_PIXELS, tiles, keep, exif.buf, (size_t)exif.len, &out,
                               &size, reason);
        Py_END_ALLOW_THREADS;
        if (status == DONE) {
            result = PyBytes_FromStringAndSize((const char *)out, (Py_ssize_t)size);
            free(out);
        } else if (status == NO_MEMORY) {
            PyErr_NoMemory();
        } else {
            PyErr_SetString(PyExc_ValueError, reason);
        }
    }
    PyBuffer_Release(&exif);
    PyBuffer_Release(&image);
    return result;
}
