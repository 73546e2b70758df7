/* C structs read from Python objects, each field by its name: a missing attribute raises AttributeError. */
#ifndef WDS_IMAGENET_FIELDS_H
#define WDS_IMAGENET_FIELDS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "crop/crop_job.h"
#include "crop/random_crop.h"

/* Makes the names of all fields Python strings; called once. 0, or -1 with an exception set. */
int intern_field_names(void);

/* Reads the attributes scale, left, top, right, bottom, box_left, box_top, box_right, box_bottom and mirror.
 * 0, or -1 with an exception set. */
int read_crop_job(PyObject *object, CropJob *job);

/* Reads the attributes that RandomCropRule names. 0, or -1 with an exception set. */
int read_random_crop_rule(PyObject *object, RandomCropRule *rule);

#endif
