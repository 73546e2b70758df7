/* `_walk`: the samples of an archive in memory, where every header is as plain as those that we write.
 *
 * walk(data, ended) -> list of (key, suffix, begin, end, suffix, begin, end, ...), or None
 *     Members that follow each other and have one key are a sample; begin and end are offsets of their contents.
 *     None where anything at all is unusual or wrong: samples.py and tar.py then read it again, and say what.
 *     With `ended` false, the archive may stop between two members without its end marker.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { RECORD = 512, NAME = 100, MEMBERS = 16 /* of a sample */ };
enum { SIZE_AT = 124, SUM_AT = 148, KIND_AT = 156, MAGIC_AT = 257, PREFIX_AT = 345 };

typedef struct {
    char suffix[NAME];
    int length;
    Py_ssize_t begin, end;
} Member;

/* The sample that is being found; without members at first. */
typedef struct {
    const char *key;
    int length, count;
    Member members[MEMBERS];
} Sample;

/* Digits and then spaces or zeros, as tar.py has it. Returns -1 for anything else. */
static int64_t octal(const uint8_t *field, int length) {
    int64_t value = 0;
    int at = 0;
    while (at < length && field[at] == ' ') at++;
    int first = at;
    for (; at < length && field[at] >= '0' && field[at] <= '7'; at++) value = value * 8 + (field[at] - '0');
    if (at == first) return -1;
    for (; at < length; at++)
        if (field[at] != 0 && field[at] != ' ') return -1;
    return value;
}

static int sum_is_right(const uint8_t *head) {
    uint32_t sum = 8 * ' ';
    for (int i = 0; i < RECORD; i++) sum += head[i];
    for (int i = SUM_AT; i < SUM_AT + 8; i++) sum -= head[i];
    return octal(head + SUM_AT, 8) == (int64_t)sum;
}

/* Returns how many ASCII characters the name has, 0 if it is not plain. */
static int plain_name(const uint8_t *head) {
    int length = 0;
    while (length < NAME && head[length]) {
        if (head[length] < 0x20 || head[length] > 0x7e) return 0;
        length++;
    }
    return length;
}

static int all_zero(const uint8_t *data, Py_ssize_t size) {
    for (Py_ssize_t i = 0; i < size; i++)
        if (data[i]) return 0;
    return 1;
}

/* Appends the sample, if it has members. Returns 0, or -1 with an exception set. */
static int append(const Sample *sample, PyObject *samples) {
    if (!sample->count) return 0;
    PyObject *place = PyTuple_New(1 + 3 * (Py_ssize_t)sample->count);
    if (!place) return -1;
    PyTuple_SetItem(place, 0, PyUnicode_FromStringAndSize(sample->key, sample->length));
    for (int i = 0; i < sample->count; i++) {
        const Member *member = &sample->members[i];
        PyTuple_SetItem(place, 1 + 3 * i, PyUnicode_FromStringAndSize(member->suffix, member->length));
        PyTuple_SetItem(place, 2 + 3 * i, PyLong_FromSsize_t(member->begin));
        PyTuple_SetItem(place, 3 + 3 * i, PyLong_FromSsize_t(member->end));
    }
    int failed = PyErr_Occurred() || PyList_Append(samples, place) < 0;
    Py_DECREF(place);
    return failed ? -1 : 0;
}

/* Adds a member to its sample, or begins the next. Returns as `collect`, 1 for going on. */
static int add(Sample *sample, const char *name, int length, Py_ssize_t begin, Py_ssize_t end, PyObject *samples) {
    int base = length;
    while (base && name[base - 1] != '/') base--;
    const char *dot = memchr(name + base, '.', (size_t)(length - base));
    int key = dot ? (int)(dot - name) : length;
    if (key == base || memcmp(name, "__", 2) == 0) return 0; /* no key, or perhaps webdataset's own */
    if (!sample->count || key != sample->length || memcmp(name, sample->key, (size_t)key) != 0) {
        if (append(sample, samples)) return -1;
        *sample = (Sample){.key = name, .length = key};
    }
    if (sample->count == MEMBERS) return 0;
    Member *member = &sample->members[sample->count++];
    *member = (Member){.length = dot ? length - key - 1 : 0, .begin = begin, .end = end};
    for (int i = 0; i < member->length; i++) {
        char letter = dot[1 + i];
        member->suffix[i] = (char)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
    }
    for (const Member *other = sample->members; other < member; other++)
        if (other->length == member->length && memcmp(other->suffix, member->suffix, (size_t)other->length) == 0)
            return 0;
    return 1;
}

/* Returns 1 after the last member, 0 if this is for Python, -1 with an exception set. */
static int collect(const uint8_t *data, Py_ssize_t size, int ended, PyObject *samples) {
    Sample sample = {.count = 0};
    Py_ssize_t at = 0;
    while (at < size) {
        const uint8_t *head = data + at;
        if (size - at < RECORD) return 0;
        if (!head[0]) {
            if (size - at < 2 * RECORD || !all_zero(head, size - at)) return 0;
            return append(&sample, samples) ? -1 : 1;
        }
        int length = plain_name(head);
        int64_t bytes = octal(head + SIZE_AT, 12);
        int kind = head[KIND_AT] == '0' || head[KIND_AT] == 0;
        int magic = memcmp(head + MAGIC_AT, "ustar\0", 6) == 0 && head[PREFIX_AT] == 0;
        if (!length || bytes < 0 || !kind || !magic || !sum_is_right(head)) return 0;
        if (bytes > size) return 0;
        Py_ssize_t next = at + RECORD + (Py_ssize_t)((bytes + RECORD - 1) / RECORD * RECORD);
        if (next > size) return 0;
        int added = add(&sample, (const char *)head, length, at + RECORD, at + RECORD + (Py_ssize_t)bytes, samples);
        if (added != 1) return added;
        at = next;
    }
    if (ended) return 0;
    return append(&sample, samples) ? -1 : 1;
}

static PyObject *walk(PyObject *self, PyObject *arguments) {
    (void)self;
    Py_buffer data;
    int ended;
    if (!PyArg_ParseTuple(arguments, "y*p", &data, &ended)) return NULL;
    PyObject *samples = PyList_New(0);
    int result = samples ? collect(data.buf, data.len, ended, samples) : -1;
    PyBuffer_Release(&data);
    if (result == 1) return samples;
    Py_XDECREF(samples);
    if (result < 0) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"walk", walk, METH_VARARGS, "walk(data, ended) -> list of tuples, or None"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_walk", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__walk(void) { return PyModule_Create(&module); }
