/* Crops rendered straight into the rows of a batch.
 *
 * crop_resize(jobs, out, antialias) -> bytes
 *     jobs       objects with the attributes `image` (a JPEG's bytes), `row` (of out) and those of CropJob: fields.h
 *     out        uint8 [rows, H, W, 3], each picture contiguous
 *     Returns one Status a job. The row of a job that is not DONE is undefined.
 *
 * crop_drawn(images, rows, sample_indices, epoch_state, rule, out, antialias) -> bytes
 *     The same for crops that are drawn here, as RandomResizedCrop draws them.
 *     images          JPEGs' bytes
 *     rows            the row of `out` of each image
 *     sample_indices  int64 [rows]: the index in the data set of each row's sample
 *     epoch_state     `state_of_epoch` of rng.py
 *     rule            an object with the attributes of RandomCropRule: crop/random_crop.h
 *
 * Both render without the GIL, from any number of threads.
 */
#include <stdlib.h>

#include "common/scratch.h"
#include "crop/random_crop.h"
#include "crop/render.h"
#include "python/buffers.h"
#include "python/calls.h"
#include "python/fields.h"

enum { MAX_IMAGES = 4096 }; /* of one call */

/* One image to be rendered. */
typedef struct {
    Py_buffer image;
    Py_ssize_t row;
    CropJob job;
    uint64_t rng_state; /* of crop_drawn */
} Item;

/* Returns the length of a sequence; -1 with an exception set. */
static Py_ssize_t count_items(PyObject *sequence) {
    Py_ssize_t count = PySequence_Size(sequence);
    if (count <= MAX_IMAGES) return count;
    PyErr_SetString(PyExc_ValueError, "more than 4096 images in one call");
    return -1;
}

/* Renders the items that have a row, without the GIL. Returns the statuses; NULL with an exception set. */
static PyObject *render_items(Item *items, Py_ssize_t count, const RandomCropRule *rule, const Py_buffer *out,
                              int antialias) {
    PyObject *result = PyBytes_FromStringAndSize(NULL, count);
    if (!result) return NULL;
    char *statuses = PyBytes_AsString(result);
    Status status = DONE;
    Py_BEGIN_ALLOW_THREADS;
    Scratch *scratch = scratch_of_thread();
    if (!scratch) status = NO_MEMORY;
    for (Py_ssize_t i = 0; i < count && status != NO_MEMORY; i++) {
        Item *item = &items[i];
        const uint8_t *data = item->image.buf;
        size_t size = (size_t)item->image.len;
        status = item->row >= 0 && item->row < out->shape[0] ? DONE : UNSUPPORTED;
        if (!status && rule) status = draw_crop(data, size, item->rng_state, rule, &item->job);
        if (!status)
            status = render_crop(data, size, &item->job, (uint8_t *)out->buf + item->row * out->strides[0],
                                 (int)out->shape[1], (int)out->shape[2], antialias, scratch);
        statuses[i] = (char)status;
    }
    if (scratch) scratch_shrink(scratch);
    Py_END_ALLOW_THREADS;
    if (status == NO_MEMORY) {
        PyErr_NoMemory();
        Py_CLEAR(result);
    }
    return result;
}

static void free_items(Item *items, Py_ssize_t taken) {
    for (Py_ssize_t i = 0; i < taken; i++) PyBuffer_Release(&items[i].image);
    free(items);
}

/* Reads the integer that an object holds in its attribute `row`. -1 with an exception set, or if it is -1. */
static Py_ssize_t row_of(PyObject *job) {
    PyObject *value = PyObject_GetAttrString(job, "row");
    Py_ssize_t row = value ? PyLong_AsSsize_t(value) : -1;
    Py_XDECREF(value);
    return row;
}

/* Takes a job and its image. 0, or -1 with an exception set. */
static int take_job(PyObject *jobs, Py_ssize_t i, Item *item) {
    PyObject *job = PySequence_GetItem(jobs, i);
    if (!job) return -1;
    PyObject *image = NULL;
    int failed = read_crop_job(job, &item->job) || ((item->row = row_of(job)) == -1 && PyErr_Occurred()) ||
                 !(image = PyObject_GetAttrString(job, "image")) ||
                 PyObject_GetBuffer(image, &item->image, PyBUF_SIMPLE) < 0;
    Py_XDECREF(image);
    Py_DECREF(job);
    return failed ? -1 : 0;
}

PyObject *call_crop_resize(PyObject *self, PyObject *arguments, PyObject *keywords) {
    (void)self;
    static char *names[] = {"jobs", "out", "antialias", NULL};
    PyObject *jobs, *given_out, *result = NULL;
    Py_buffer out;
    int antialias;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOp", names, &jobs, &given_out, &antialias)) return NULL;
    Py_ssize_t count = count_items(jobs), taken = 0;
    if (count < 0 || take_batch(given_out, &out)) return NULL;
    Item *items = calloc((size_t)count + 1, sizeof *items);
    if (!items) PyErr_NoMemory();
    while (items && taken < count && !take_job(jobs, taken, &items[taken])) taken++;
    if (items && taken == count) result = render_items(items, count, NULL, &out, antialias);
    if (items) free_items(items, taken);
    PyBuffer_Release(&out);
    return result;
}

/* Takes an image and its row. 0, or -1 with an exception set. */
static int take_image(PyObject *images, PyObject *rows, Py_ssize_t i, Item *item) {
    PyObject *row = PySequence_GetItem(rows, i);
    if (!row) return -1;
    item->row = PyLong_AsSsize_t(row);
    Py_DECREF(row);
    if (item->row == -1 && PyErr_Occurred()) return -1;
    PyObject *image = PySequence_GetItem(images, i);
    if (!image) return -1;
    int failed = PyObject_GetBuffer(image, &item->image, PyBUF_SIMPLE) < 0;
    Py_DECREF(image);
    return failed ? -1 : 0;
}

/* Sets the rng state of an item. A row without a sample index becomes -1: it has no crop. */
static void seed_item(Item *item, const Py_buffer *sample_indices, uint64_t epoch_state) {
    if (item->row >= 0 && item->row < sample_indices->shape[0])
        item->rng_state = rng_state(epoch_state, ((const int64_t *)sample_indices->buf)[item->row]);
    else
        item->row = -1;
}

PyObject *call_crop_drawn(PyObject *self, PyObject *arguments, PyObject *keywords) {
    (void)self;
    static char *names[] = {"images", "rows", "sample_indices", "epoch_state", "rule", "out", "antialias", NULL};
    PyObject *images, *rows, *given_indices, *given_rule, *given_out, *result = NULL;
    Py_buffer sample_indices, out;
    RandomCropRule rule;
    unsigned long long epoch_state;
    int antialias;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOOKOOp", names, &images, &rows, &given_indices,
                                     &epoch_state, &given_rule, &given_out, &antialias))
        return NULL;
    Py_ssize_t count = count_items(images), taken = 0;
    if (count < 0 || read_random_crop_rule(given_rule, &rule) || take_int64(given_indices, &sample_indices))
        return NULL;
    if (take_batch(given_out, &out)) {
        PyBuffer_Release(&sample_indices);
        return NULL;
    }
    Item *items = calloc((size_t)count + 1, sizeof *items);
    if (!items) PyErr_NoMemory();
    for (; items && taken < count && !take_image(images, rows, taken, &items[taken]); taken++)
        seed_item(&items[taken], &sample_indices, epoch_state);
    if (items && taken == count) result = render_items(items, count, &rule, &out, antialias);
    if (items) free_items(items, taken);
    PyBuffer_Release(&out);
    PyBuffer_Release(&sample_indices);
    return result;
}
