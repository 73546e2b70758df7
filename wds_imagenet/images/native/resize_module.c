/* `_resize`: the resize for Python, where there is a C compiler.
 *
 * resize(image, left, top, right, bottom, out, antialias, mirror): buffers uint8 [H, W, 3] whose pixels are
 * contiguous in each row, and that do not overlap. Runs without the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "resize.h"

static int is_rgb(const Py_buffer *view) {
    return view->ndim == 3 && view->shape && view->strides && view->itemsize == 1 && view->shape[2] == CHANNELS && view->strides[2] == 1 &&
           view->strides[1] == CHANNELS && view->shape[0] > 0 && view->shape[1] > 0 &&
           view->shape[0] <= MAX_SIDE && view->shape[1] <= MAX_SIDE;
}

static PyObject *resize(PyObject *self, PyObject *arguments) {
    (void)self;
    Py_buffer from, to;
    double box[4];
    int antialias, mirror, failed = 0;
    PyObject *source, *target;
    if (!PyArg_ParseTuple(arguments, "OddddOpp", &source, &box[0], &box[1], &box[2], &box[3], &target, &antialias,
                          &mirror))
        return NULL;
    if (PyObject_GetBuffer(source, &from, PyBUF_STRIDES) < 0) return NULL;
    if (PyObject_GetBuffer(target, &to, PyBUF_STRIDES | PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&from);
        return NULL;
    }
    if (!is_rgb(&from) || !is_rgb(&to)) {
        PyErr_SetString(PyExc_ValueError, "image and out are uint8 [H, W, 3] with contiguous pixels");
        failed = 1;
    } else if (!(0 <= box[0] && box[0] < box[2] && box[2] <= from.shape[1] && 0 <= box[1] && box[1] < box[3] &&
                 box[3] <= from.shape[0])) {
        PyErr_SetString(PyExc_ValueError, "the box is not in the image");
        failed = 1;
    } else {
        Image image = {from.buf, from.strides[0], (int)from.shape[0], (int)from.shape[1]};
        Py_BEGIN_ALLOW_THREADS;
        failed = resize_image(&image, box, to.buf, to.strides[0], (int)to.shape[0], (int)to.shape[1], antialias,
                              mirror);
        Py_END_ALLOW_THREADS;
        if (failed) PyErr_NoMemory();
    }
    PyBuffer_Release(&to);
    PyBuffer_Release(&from);
    if (failed) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"resize", resize, METH_VARARGS, "resize(image, left, top, right, bottom, out, antialias, mirror)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_resize", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__resize(void) { return PyModule_Create(&module); }
