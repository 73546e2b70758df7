/* `_resize`: the resize for Python. Needs a C compiler, but not libjpeg-turbo.
 *
 * resize(image, box, out, antialias, mirror)
 *     image, out  uint8 [H, W, 3] that do not overlap, each row's pixels contiguous
 *     box         (left, top, right, bottom) in the image
 *     Runs without the GIL.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "resize/resize.h"

static int is_rgb(const Py_buffer *view) {
    return view->ndim == 3 && view->shape && view->strides && view->itemsize == 1 && view->shape[2] == CHANNELS &&
           view->strides[2] == 1 && view->strides[1] == CHANNELS && view->shape[0] > 0 && view->shape[1] > 0 &&
           view->shape[0] <= MAX_SIDE && view->shape[1] <= MAX_SIDE;
}

/* Resizes one buffer into another. 0, or -1 with an exception set. */
static int resize_buffer(const Py_buffer *from, const Box *box, const Py_buffer *to, int antialias, int mirror) {
    if (!is_rgb(from) || !is_rgb(to)) {
        PyErr_SetString(PyExc_ValueError, "image and out are not uint8 [H, W, 3] with contiguous pixels");
        return -1;
    }
    Image image = {from->buf, from->strides[0], (int)from->shape[0], (int)from->shape[1]};
    if (!is_box_in(box, image.height, image.width)) {
        PyErr_SetString(PyExc_ValueError, "the box is not in the image");
        return -1;
    }
    Status status;
    Py_BEGIN_ALLOW_THREADS;
    status =
        resize_image(&image, box, to->buf, to->strides[0], (int)to->shape[0], (int)to->shape[1], antialias, mirror);
    Py_END_ALLOW_THREADS;
    if (status) PyErr_NoMemory();
    return status ? -1 : 0;
}

static PyObject *call_resize(PyObject *self, PyObject *arguments, PyObject *keywords) {
    (void)self;
    static char *names[] = {"image", "box", "out", "antialias", "mirror", NULL};
    Py_buffer from, to;
    Box box;
    int antialias, mirror;
    PyObject *image, *out;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O(dddd)Opp", names, &image, &box.left, &box.top, &box.right,
                                     &box.bottom, &out, &antialias, &mirror))
        return NULL;
    if (PyObject_GetBuffer(image, &from, PyBUF_STRIDES) < 0) return NULL;
    if (PyObject_GetBuffer(out, &to, PyBUF_STRIDES | PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&from);
        return NULL;
    }
    int failed = resize_buffer(&from, &box, &to, antialias, mirror);
    PyBuffer_Release(&to);
    PyBuffer_Release(&from);
    if (failed) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"resize", (PyCFunction)(void (*)(void))call_resize, METH_VARARGS | METH_KEYWORDS,
     "resize(image, box, out, antialias, mirror)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_resize", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__resize(void) { return PyModule_Create(&definition); }
