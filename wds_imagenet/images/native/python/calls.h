/* The functions of `_native`, one file a topic. Each gets its arguments by position or by name. */
#ifndef WDS_IMAGENET_CALLS_H
#define WDS_IMAGENET_CALLS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* crop_call.c */
PyObject *call_crop_resize(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *call_crop_drawn(PyObject *self, PyObject *arguments, PyObject *keywords);

/* region_call.c */
enum { ANY_DECODER = 0, BASELINE_DECODER = 1, LIBJPEG_DECODER = 2 };
PyObject *call_decode_region(PyObject *self, PyObject *arguments, PyObject *keywords);

/* jpeg_calls.c */
int add_jpeg_header_type(PyObject *module);
PyObject *call_read_header(PyObject *self, PyObject *image);
PyObject *call_optimize(PyObject *self, PyObject *arguments, PyObject *keywords);

#endif
