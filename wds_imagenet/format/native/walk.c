/* `_walk`: the members of an archive in memory, where every header is as plain as those that we write.
 *
 * walk(data, ended) -> list of (name, offset of the header, size), or None
 *     None where anything at all is unusual or wrong: tar.py then reads it again, and says what.
 *     With `ended` false, the archive may stop between two members without its end marker.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { RECORD = 512, NAME = 100, SIZE_AT = 124, SUM_AT = 148, KIND_AT = 156, MAGIC_AT = 257, PREFIX_AT = 345 };

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

/* Returns 1 after the last member, 0 if this is for tar.py, -1 with an exception set. */
static int collect(const uint8_t *data, Py_ssize_t size, int ended, PyObject *members) {
    Py_ssize_t at = 0;
    while (at < size) {
        const uint8_t *head = data + at;
        if (size - at < RECORD) return 0;
        if (!head[0]) return size - at >= 2 * RECORD && all_zero(head, size - at);
        int length = plain_name(head);
        int64_t bytes = octal(head + SIZE_AT, 12);
        int kind = head[KIND_AT] == '0' || head[KIND_AT] == 0;
        int magic = memcmp(head + MAGIC_AT, "ustar\0", 6) == 0 && head[PREFIX_AT] == 0;
        if (!length || bytes < 0 || !kind || !magic || !sum_is_right(head)) return 0;
        if (bytes > size) return 0;
        Py_ssize_t next = at + RECORD + (Py_ssize_t)((bytes + RECORD - 1) / RECORD * RECORD);
        if (next > size) return 0;
        PyObject *member = Py_BuildValue("(s#nL)", (const char *)head, (Py_ssize_t)length, at, (long long)bytes);
        int failed = !member || PyList_Append(members, member) < 0;
        Py_XDECREF(member);
        if (failed) return -1;
        at = next;
    }
    return !ended;
}

static PyObject *walk(PyObject *self, PyObject *arguments) {
    (void)self;
    Py_buffer data;
    int ended;
    if (!PyArg_ParseTuple(arguments, "y*p", &data, &ended)) return NULL;
    PyObject *members = PyList_New(0);
    int result = members ? collect(data.buf, data.len, ended, members) : -1;
    PyBuffer_Release(&data);
    if (result == 1) return members;
    Py_XDECREF(members);
    if (result < 0) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"walk", walk, METH_VARARGS, "walk(data, ended) -> list of (name, offset, size), or None"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_walk", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__walk(void) { return PyModule_Create(&module); }
