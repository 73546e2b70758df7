/* `_native`: JPEGs decoded and resized straight into a batch, rewritten and read. Needs libjpeg-turbo.
 *
 * crop_call.c, region_call.c and jpeg_calls.c describe the functions.
 */
#include "common/scratch.h"
#include "common/status.h"
#include "python/calls.h"
#include "python/fields.h"

#define WITH_NAMES(function) (PyCFunction)(void (*)(void)) function, METH_VARARGS | METH_KEYWORDS

static PyMethodDef methods[] = {
    {"crop_resize", WITH_NAMES(call_crop_resize), "crop_resize(jobs, out, antialias) -> bytes"},
    {"crop_drawn", WITH_NAMES(call_crop_drawn),
     "crop_drawn(images, rows, sample_indices, epoch_state, rule, out, antialias) -> bytes"},
    {"decode_region", WITH_NAMES(call_decode_region),
     "decode_region(image, scale, left, top, right, bottom, out, decoder=ANY_DECODER) -> bool"},
    {"read_header", call_read_header, METH_O, "read_header(image) -> JpegHeader, or None"},
    {"optimize", WITH_NAMES(call_optimize), "optimize(image, tiles, keep, exif) -> bytes"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods, NULL, NULL, NULL, NULL};

static const struct {
    const char *name;
    long value;
} constants[] = {
    {"DONE", DONE},
    {"UNSUPPORTED", UNSUPPORTED},
    {"ANY_DECODER", ANY_DECODER},
    {"BASELINE_DECODER", BASELINE_DECODER},
    {"LIBJPEG_DECODER", LIBJPEG_DECODER},
};

PyMODINIT_FUNC PyInit__native(void) {
    if (scratch_init()) return PyErr_NoMemory();
    PyObject *module = PyModule_Create(&definition);
    int failed = !module || intern_field_names() || add_jpeg_header_type(module);
    for (size_t i = 0; i < sizeof constants / sizeof *constants && !failed; i++)
        failed = PyModule_AddIntConstant(module, constants[i].name, constants[i].value);
    if (failed) Py_CLEAR(module);
    return module;
}
