/* Python's buffers, taken and checked. A caller releases each buffer that it took. */
#ifndef WDS_IMAGENET_BUFFERS_H
#define WDS_IMAGENET_BUFFERS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Takes uint8 [rows, H, W, 3], each picture without gaps. 0, or -1 with an exception set and nothing taken. */
int take_batch(PyObject *object, Py_buffer *view);

/* Takes uint8 [height, width, 3] without gaps. 0, or -1 with an exception set and nothing taken. */
int take_picture(PyObject *object, Py_ssize_t height, Py_ssize_t width, Py_buffer *view);

/* Takes int64 [n] without gaps. 0, or -1 with an exception set and nothing taken. */
int take_int64(PyObject *object, Py_buffer *view);

#endif
