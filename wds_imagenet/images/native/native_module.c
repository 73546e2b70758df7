/* `_native`: parts of JPEGs, decoded and resized straight into a batch. Needs libjpeg-turbo.
 *
 * crop_resize(images, windows, out, antialias) -> bytes
 *     images   n buffers, each a JPEG
 *     windows  float64 [n, 11]: the scale 1, 2, 4 or 8 at which the picture is decoded; the region (left, top,
 *              right, bottom) that is decoded, in whole pixels at that scale; the box in the region that is
 *              resized; 1 to mirror it, else 0; its row of out
 *     out      uint8 [rows, H, W, 3], contiguous but for its first axis
 *     Returns one status for each image: 0 done, 1 left to another decoder, its row then undefined.
 *
 * crop_drawn(images, rows, numbers, state, rule, out, antialias) -> bytes
 *     The same for windows that are drawn here, those of RandomResizedCrop: see window.h. `rows` are n integers, each
 *     an image's row of `out`; `numbers` int64 [rows], the number in the data set of each row's sample; `state` that of
 *     the epoch; `rule` float64 [9]. Status 1 also for every JPEG that is not ordinary.
 *
 * decode_region(image, scale, left, top, right, bottom, out, only=0) -> bool
 *     The region's pixels before they are resized, in a uint8 [H, W, 3], contiguous; False as status 1 above. With
 *     `only` 1 by our own decoder, 2 by libjpeg, or not at all.
 *
 * optimize(image, tiles, keep, exif) -> bytes
 *     The same pixels in a JPEG that can be entered in the middle; a ValueError with libjpeg's reason if not.
 *
 * read_header(image) -> (width, height, components, factors of three, begin and end of the EXIF block), or None
 *     None for a JPEG that is not ordinary; see header.h.
 *
 * All but the last run without the GIL, from any number of threads.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "baseline.h"
#include "header.h"
#include "optimize.h"
#include "region.h"
#include "window.h"

enum { ANY = -1, MAX_IMAGES = 4096, MAX_PIXELS = 89000000 /* of a picture: as header.py has it */ };

static const size_t CAP = (size_t)MAX_PIXELS * CHANNELS;
static const size_t KEPT = (size_t)32 << 20; /* bytes that a thread keeps for the next picture */

static pthread_key_t scratch_key;

static void scratch_free(void *memory) {
    Scratch *scratch = memory;
    free(scratch->pixels.bytes);
    free(scratch->spliced.bytes);
    free(scratch->planes.bytes);
    free(scratch);
}

/* Fresh pages cost a page fault each, 4 KiB by 4 KiB: a thread keeps its own. */
static Scratch *scratch_of_thread(void) {
    Scratch *scratch = pthread_getspecific(scratch_key);
    if (!scratch && (scratch = calloc(1, sizeof *scratch)) && pthread_setspecific(scratch_key, scratch)) {
        free(scratch);
        scratch = NULL;
    }
    return scratch;
}

static void shrink(Arena *arena) {
    if (arena->size <= KEPT) return;
    free(arena->bytes);
    *arena = (Arena){0};
}

static void shrink_all(Scratch *scratch) {
    shrink(&scratch->pixels);
    shrink(&scratch->spliced);
    shrink(&scratch->planes);
}

static int side(double value) { return value >= 0 && value <= MAX_SIDE ? (int)value : -1; }

static Status crop_one(const Py_buffer *image, const double *window, uint8_t *out, int height, int width,
                       int antialias, Scratch *scratch) {
    Region region = {side(window[1]), side(window[2]), side(window[3]), side(window[4])};
    const double *box = window + 5;
    Image part;
    Status status =
        decode_region(image->buf, (size_t)image->len, side(window[0]), region, CAP, scratch, &part);
    if (status != DECODED) return status;
    if (!(0 <= box[0] && box[0] < box[2] && box[2] <= part.width && 0 <= box[1] && box[1] < box[3] &&
          box[3] <= part.height))
        return LEFT_TO_OTHERS;
    ptrdiff_t stride = (ptrdiff_t)width * CHANNELS;
    return resize_image(&part, box, out, stride, height, width, antialias, window[9] != 0) ? NO_MEMORY : DECODED;
}

static int is_contiguous(const Py_buffer *view, int from, int dimensions) {
    Py_ssize_t step = view->itemsize;
    if (view->ndim != dimensions || !view->shape || !view->strides) return 0;
    for (int i = dimensions - 1; i >= from; i--) {
        if (view->shape[i] < 1 || view->shape[i] > MAX_SIDE || view->strides[i] != step) return 0;
        step *= view->shape[i];
    }
    return 1;
}

/* Takes the buffer of each image; returns how many were taken, less than `count` with an exception set. */
static Py_ssize_t take_all(PyObject *images, Py_buffer *views, Py_ssize_t count) {
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *image = PySequence_GetItem(images, i);
        int failed = !image || PyObject_GetBuffer(image, &views[i], PyBUF_SIMPLE) < 0;
        Py_XDECREF(image);
        if (failed) return i;
    }
    return count;
}

/* What the windows are, or how they are drawn: one of the two is there. */
typedef struct {
    const double *given;
    const Py_ssize_t *rows; /* of the images */
    const int64_t *numbers; /* of the samples, by row */
    Py_ssize_t room;        /* how many rows there are */
    uint64_t state;
    double rule[RULE];
} Choice;

/* Returns the row of this image, -1 if it has none or no window. */
static Py_ssize_t choose(const Choice *choice, Py_ssize_t i, const Py_buffer *image, double window[WINDOW]) {
    if (choice->given) { /* a copy: another thread may write to them after they are checked */
        memcpy(window, choice->given + i * WINDOW, WINDOW * sizeof *window);
        int row = side(window[WINDOW - 1]);
        return row < choice->room ? row : -1;
    }
    Py_ssize_t row = choice->rows[i];
    if (row < 0 || row >= choice->room) return -1;
    uint64_t state = state_of(choice->state, choice->numbers[row]);
    return draw_window(image->buf, (size_t)image->len, state, choice->rule, window) ? row : -1;
}

static PyObject *crop_all(PyObject *images, Py_ssize_t count, const Choice *choice, const Py_buffer *out,
                          int antialias) {
    Py_ssize_t taken = 0;
    PyObject *result = PyBytes_FromStringAndSize(NULL, count);
    Py_buffer *views = calloc((size_t)count + 1, sizeof *views);
    int no_memory = !result || !views;
    if (!no_memory && (taken = take_all(images, views, count)) == count) {
        char *statuses = PyBytes_AsString(result);
        Py_BEGIN_ALLOW_THREADS;
        Scratch *scratch = scratch_of_thread();
        no_memory = !scratch;
        for (Py_ssize_t i = 0; i < count && !no_memory; i++) {
            double window[WINDOW];
            Status status = LEFT_TO_OTHERS;
            Py_ssize_t row = choose(choice, i, &views[i], window);
            if (row >= 0)
                status = crop_one(&views[i], window, (uint8_t *)out->buf + row * out->strides[0], (int)out->shape[1],
                                  (int)out->shape[2], antialias, scratch);
            statuses[i] = (char)status;
            no_memory = status == NO_MEMORY;
        }
        if (scratch) shrink_all(scratch);
        Py_END_ALLOW_THREADS;
    }
    for (Py_ssize_t i = 0; i < taken; i++) PyBuffer_Release(&views[i]);
    free(views);
    if (no_memory) PyErr_NoMemory();
    if (no_memory || taken < count) Py_CLEAR(result);
    return result;
}

static int is_out(const Py_buffer *out) {
    if (is_contiguous(out, 1, 4) && out->itemsize == 1 && out->shape[3] == CHANNELS) return 1;
    PyErr_SetString(PyExc_ValueError, "out is uint8 [rows, H, W, 3] with contiguous pictures");
    return 0;
}

/* Takes a contiguous array of `count` items, or of ANY, or of `count` rows of `columns` if these are not 0. */
static int take_array(PyObject *given, Py_buffer *view, const char *format, Py_ssize_t count, Py_ssize_t columns) {
    if (PyObject_GetBuffer(given, view, PyBUF_STRIDES | PyBUF_FORMAT) < 0) return 0;
    const char *kind = view->format;
    int fits = view->ndim == (columns ? 2 : 1) && view->itemsize == 8 && kind && kind[0] && strchr(format, kind[0]) &&
               !kind[1] && (view->shape[0] == count || count == ANY) && (!columns || view->shape[1] == columns) &&
               PyBuffer_IsContiguous(view, 'C');
    if (fits) return 1;
    PyBuffer_Release(view);
    PyErr_SetString(PyExc_ValueError, "windows are float64 [n, 11], numbers int64, a rule float64 [9], all "
                                      "contiguous");
    return 0;
}

/* How many images there are, -1 with an exception set if too many. */
static Py_ssize_t count_of(PyObject *images) {
    Py_ssize_t count = PySequence_Size(images);
    if (count <= MAX_IMAGES) return count;
    PyErr_SetString(PyExc_ValueError, "at most 4096 images are decoded in one call");
    return -1;
}

static PyObject *crop_resize(PyObject *self, PyObject *arguments) {
    (void)self;
    PyObject *images, *given_windows, *given_out, *result = NULL;
    Py_buffer windows, out;
    int antialias;
    if (!PyArg_ParseTuple(arguments, "OOOp", &images, &given_windows, &given_out, &antialias)) return NULL;
    Py_ssize_t count = count_of(images);
    if (count < 0 || !take_array(given_windows, &windows, "d", count, WINDOW)) return NULL;
    if (PyObject_GetBuffer(given_out, &out, PyBUF_STRIDES | PyBUF_WRITABLE) == 0) {
        if (is_out(&out)) {
            Choice choice = {.given = windows.buf, .room = out.shape[0]};
            result = crop_all(images, count, &choice, &out, antialias);
        }
        PyBuffer_Release(&out);
    }
    PyBuffer_Release(&windows);
    return result;
}

/* Returns `count` integers of a sequence, to be freed; NULL with an exception set. */
static Py_ssize_t *take_integers(PyObject *given, Py_ssize_t count) {
    Py_ssize_t *values = malloc(((size_t)count + 1) * sizeof *values);
    if (!values) return (Py_ssize_t *)PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *one = PySequence_GetItem(given, i);
        values[i] = one ? PyLong_AsSsize_t(one) : -1;
        Py_XDECREF(one);
        if (values[i] == -1 && PyErr_Occurred()) {
            free(values);
            return NULL;
        }
    }
    return values;
}

static PyObject *crop_drawn(PyObject *self, PyObject *arguments) {
    (void)self;
    PyObject *images, *given_rows, *given_numbers, *given_rule, *given_out, *result = NULL;
    Py_buffer numbers, rule, out;
    Choice choice = {0};
    unsigned long long state;
    int antialias;
    if (!PyArg_ParseTuple(arguments, "OOOKOOp", &images, &given_rows, &given_numbers, &state, &given_rule, &given_out,
                          &antialias))
        return NULL;
    Py_ssize_t count = count_of(images), *rows = count < 0 ? NULL : take_integers(given_rows, count);
    if (!rows) return NULL;
    if (take_array(given_rule, &rule, "d", RULE, 0)) {
        memcpy(choice.rule, rule.buf, sizeof choice.rule);
        PyBuffer_Release(&rule);
        if (PyObject_GetBuffer(given_out, &out, PyBUF_STRIDES | PyBUF_WRITABLE) == 0) {
            if (is_out(&out) && take_array(given_numbers, &numbers, "lq", ANY, 0)) {
                choice.rows = rows;
                choice.numbers = numbers.buf;
                choice.room = numbers.shape[0] < out.shape[0] ? numbers.shape[0] : out.shape[0];
                choice.state = state;
                result = crop_all(images, count, &choice, &out, antialias);
                PyBuffer_Release(&numbers);
            }
            PyBuffer_Release(&out);
        }
    }
    free(rows);
    return result;
}

typedef Status Decoder(const uint8_t *, size_t, int, Region, size_t, Scratch *, Image *);

static PyObject *decode_alone(PyObject *self, PyObject *arguments) {
    (void)self;
    Py_buffer image, out;
    Region region;
    int scale, only = 0;
    PyObject *given;
    Status status = LEFT_TO_OTHERS;
    if (!PyArg_ParseTuple(arguments, "y*iiiiiO|i", &image, &scale, &region.left, &region.top, &region.right,
                          &region.bottom, &given, &only))
        return NULL;
    if (PyObject_GetBuffer(given, &out, PyBUF_STRIDES | PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&image);
        return NULL;
    }
    int fits = is_contiguous(&out, 0, 3) && out.itemsize == 1 && out.shape[2] == CHANNELS &&
               out.shape[0] == (Py_ssize_t)region.bottom - region.top &&
               out.shape[1] == (Py_ssize_t)region.right - region.left;
    Decoder *decode = only == 1 ? decode_baseline : only == 2 ? decode_by_libjpeg : decode_region;
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "out is uint8 [bottom - top, right - left, 3], contiguous");
    } else {
        Py_BEGIN_ALLOW_THREADS;
        Image part;
        Scratch *scratch = scratch_of_thread();
        status = scratch ? decode(image.buf, (size_t)image.len, scale, region, CAP, scratch, &part) : NO_MEMORY;
        for (int y = 0; status == DECODED && y < part.height; y++)
            memcpy((uint8_t *)out.buf + y * out.strides[0], part.pixels + y * part.stride,
                   (size_t)part.width * CHANNELS);
        if (scratch) shrink_all(scratch);
        Py_END_ALLOW_THREADS;
        if (status == NO_MEMORY) PyErr_NoMemory();
    }
    PyBuffer_Release(&out);
    PyBuffer_Release(&image);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(status == DECODED);
}

static PyObject *optimize(PyObject *self, PyObject *arguments) {
    (void)self;
    Py_buffer image, exif;
    int tiles, keep, failed;
    uint8_t *out;
    size_t size;
    char reason[REASON_BYTES] = "";
    if (!PyArg_ParseTuple(arguments, "y*ipy*", &image, &tiles, &keep, &exif)) return NULL;
    PyObject *result = NULL;
    if (tiles < 1 || tiles > 64) {
        PyErr_SetString(PyExc_ValueError, "a row of MCUs is cut in 1 to 64 tiles");
    } else {
        Py_BEGIN_ALLOW_THREADS;
        failed = optimize_jpeg(image.buf, (size_t)image.len, MAX_PIXELS, tiles, keep, exif.buf, (size_t)exif.len,
                               &out, &size, reason);
        Py_END_ALLOW_THREADS;
        if (failed) {
            PyErr_SetString(PyExc_ValueError, reason);
        } else {
            result = PyBytes_FromStringAndSize((const char *)out, (Py_ssize_t)size);
            free(out);
        }
    }
    PyBuffer_Release(&exif);
    PyBuffer_Release(&image);
    return result;
}

static PyObject *header_of(PyObject *self, PyObject *image) {
    (void)self;
    Py_buffer view;
    Header header;
    if (PyObject_GetBuffer(image, &view, PyBUF_SIMPLE) < 0) return NULL;
    int ordinary = read_header(view.buf, (size_t)view.len, &header);
    PyBuffer_Release(&view);
    if (!ordinary) Py_RETURN_NONE;
    return Py_BuildValue("(iiiiiinn)", header.width, header.height, header.components, header.factors[0],
                         header.factors[1], header.factors[2], (Py_ssize_t)header.exif, (Py_ssize_t)header.exif_end);
}

static PyMethodDef methods[] = {
    {"crop_resize", crop_resize, METH_VARARGS, "crop_resize(images, windows, out, antialias) -> bytes"},
    {"crop_drawn", crop_drawn, METH_VARARGS, "crop_drawn(images, rows, numbers, state, rule, out, antialias) -> bytes"},
    {"decode_region", decode_alone, METH_VARARGS,
     "decode_region(image, scale, left, top, right, bottom, out, only=0) -> bool"},
    {"read_header", header_of, METH_O, "read_header(image) -> tuple, or None"},
    {"optimize", optimize, METH_VARARGS, "optimize(image, tiles, keep, exif) -> bytes"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
    if (pthread_key_create(&scratch_key, scratch_free)) return PyErr_NoMemory();
    return PyModule_Create(&module);
}
