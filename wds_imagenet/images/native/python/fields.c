#include "python/fields.h"

#include <limits.h>
#include <stddef.h>

typedef enum { INT, DOUBLE } Kind;

/* One attribute of a Python object, and its place in a C struct. */
typedef struct {
    const char *name;
    Kind kind;
    size_t offset;
    PyObject *interned;
} Field;

static Field crop_job_fields[] = {
    {"scale", INT, offsetof(CropJob, scale), NULL},
    {"left", INT, offsetof(CropJob, region.left), NULL},
    {"top", INT, offsetof(CropJob, region.top), NULL},
    {"right", INT, offsetof(CropJob, region.right), NULL},
    {"bottom", INT, offsetof(CropJob, region.bottom), NULL},
    {"box_left", DOUBLE, offsetof(CropJob, box.left), NULL},
    {"box_top", DOUBLE, offsetof(CropJob, box.top), NULL},
    {"box_right", DOUBLE, offsetof(CropJob, box.right), NULL},
    {"box_bottom", DOUBLE, offsetof(CropJob, box.bottom), NULL},
    {"mirror", INT, offsetof(CropJob, mirror), NULL},
};

static Field rule_fields[] = {
    {"min_area", DOUBLE, offsetof(RandomCropRule, min_area), NULL},
    {"max_area", DOUBLE, offsetof(RandomCropRule, max_area), NULL},
    {"min_ratio", DOUBLE, offsetof(RandomCropRule, min_ratio), NULL},
    {"max_ratio", DOUBLE, offsetof(RandomCropRule, max_ratio), NULL},
    {"min_log_ratio", DOUBLE, offsetof(RandomCropRule, min_log_ratio), NULL},
    {"max_log_ratio", DOUBLE, offsetof(RandomCropRule, max_log_ratio), NULL},
    {"mirror_probability", DOUBLE, offsetof(RandomCropRule, mirror_probability), NULL},
    {"size", INT, offsetof(RandomCropRule, size), NULL},
    {"scaled_decode", INT, offsetof(RandomCropRule, scaled_decode), NULL},
};

enum {
    CROP_JOB_FIELDS = sizeof crop_job_fields / sizeof *crop_job_fields,
    RULE_FIELDS = sizeof rule_fields / sizeof *rule_fields,
};

static int intern_names(Field *fields, int count) {
    for (int i = 0; i < count; i++)
        if (!fields[i].interned && !(fields[i].interned = PyUnicode_InternFromString(fields[i].name))) return -1;
    return 0;
}

int intern_field_names(void) {
    return intern_names(crop_job_fields, CROP_JOB_FIELDS) || intern_names(rule_fields, RULE_FIELDS) ? -1 : 0;
}

static int read_int(PyObject *value, int *to) {
    long number = PyLong_AsLong(value);
    if (number == -1 && PyErr_Occurred()) return -1;
    if (number < INT_MIN || number > INT_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a field of a crop exceeds 32 bits");
        return -1;
    }
    *to = (int)number;
    return 0;
}

static int read_double(PyObject *value, double *to) {
    *to = PyFloat_AsDouble(value);
    return *to == -1 && PyErr_Occurred() ? -1 : 0;
}

static int read_fields(PyObject *object, const Field *fields, int count, void *to) {
    int failed = 0;
    for (int i = 0; i < count && !failed; i++) {
        void *place = (char *)to + fields[i].offset;
        PyObject *value = PyObject_GetAttr(object, fields[i].interned);
        if (!value) return -1;
        failed = fields[i].kind == INT ? read_int(value, place) : read_double(value, place);
        Py_DECREF(value);
    }
    return failed;
}

int read_crop_job(PyObject *object, CropJob *job) { return read_fields(object, crop_job_fields, CROP_JOB_FIELDS, job); }

int read_random_crop_rule(PyObject *object, RandomCropRule *rule) {
    return read_fields(object, rule_fields, RULE_FIELDS, rule);
}
