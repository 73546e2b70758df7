#include "python/buffers.h"

#include "common/picture.h"

/* Returns 1 if the axes from the given one on are not empty and have no gaps. */
static int is_contiguous(const Py_buffer *view, int from, int dimensions) {
    Py_ssize_t step = view->itemsize;
    if (view->ndim != dimensions || !view->shape || !view->strides) return 0;
    for (int i = dimensions - 1; i >= from; i--) {
        if (view->shape[i] < 1 || view->shape[i] > MAX_SIDE || view->strides[i] != step) return 0;
        step *= view->shape[i];
    }
    return 1;
}

/* Releases a buffer that does not fit. Returns -1 with an exception set. */
static int refuse(Py_buffer *view, const char *reason) {
    PyBuffer_Release(view);
    PyErr_SetString(PyExc_ValueError, reason);
    return -1;
}

int take_batch(PyObject *object, Py_buffer *view) {
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES | PyBUF_WRITABLE) < 0) return -1;
    if (is_contiguous(view, 1, 4) && view->itemsize == 1 && view->shape[3] == CHANNELS) return 0;
    return refuse(view, "out is not uint8 [rows, H, W, 3] with contiguous pictures");
}

int take_picture(PyObject *object, Py_ssize_t height, Py_ssize_t width, Py_buffer *view) {
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES | PyBUF_WRITABLE) < 0) return -1;
    if (is_contiguous(view, 0, 3) && view->itemsize == 1 && view->shape[0] == height && view->shape[1] == width &&
        view->shape[2] == CHANNELS)
        return 0;
    return refuse(view, "out is not uint8 [bottom - top, right - left, 3], contiguous");
}

int take_int64(PyObject *object, Py_buffer *view) {
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES | PyBUF_FORMAT) < 0) return -1;
    const char *format = view->format;
    if (view->ndim == 1 && view->itemsize == 8 && format && (format[0] == 'l' || format[0] == 'q') && !format[1] &&
        PyBuffer_IsContiguous(view, 'C'))
        return 0;
    return refuse(view, "sample_indices is not a contiguous int64 array of one axis");
}
