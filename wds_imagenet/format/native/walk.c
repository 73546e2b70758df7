/* `_walk`: the samples of a tar archive in memory (POSIX.1-2017, pax, "ustar Interchange Format").
 *
 * walk(data, ended, pictures) -> (keys, suffixes, heads, spans), or None
 *     A sample is a run of members with the same key.
 *     keys      of each sample
 *     suffixes  of each sample: a tuple of its members' suffixes. Neighbours with equal suffixes share one tuple
 *     heads     four int64 a sample: begin and end of its first member with a suffix of the set `pictures`, both -1 if
 *               there is none; the label, the smallest int64 if `cls` is absent or no number; the index in `spans`
 *               of its first member
 *     spans     two int64 a member: its begin and its end
 *     None for an archive with any unusual or damaged header: samples.py and tar.py read it again, and name the fault.
 *     If `ended` is false, the archive may stop between two members without its end marker.
 *
 * Return values follow images/native/README.md.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RECORD = 512, NAME = 100, MEMBERS = 16 /* of a sample */, DIGITS = 18 /* of a label */ };
enum { SIZE_AT = 124, SUM_AT = 148, KIND_AT = 156, MAGIC_AT = 257, PREFIX_AT = 345 };

typedef enum {
    RAISED = -1, /* an exception is set */
    DONE = 0,
    UNSUPPORTED = 1, /* Python reads the archive again */
} Outcome;

typedef struct {
    char suffix[NAME];
    int length;
    Py_ssize_t begin, end;
} Member;

/* The sample that is being read; without members at first. */
typedef struct {
    const char *key;
    int length, count;
    Member members[MEMBERS];
} Sample;

/* Returns an octal number, spaces or zeros behind it, as tar.py reads it; -1 for anything else. */
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

static int is_sum_right(const uint8_t *head) {
    uint32_t sum = 8 * ' ';
    for (int i = 0; i < RECORD; i++) sum += head[i];
    for (int i = SUM_AT; i < SUM_AT + 8; i++) sum -= head[i];
    return octal(head + SUM_AT, 8) == (int64_t)sum;
}

/* Returns the length of a name of printable ASCII; 0 for another name. */
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

/* A growing array. */
typedef struct {
    int64_t *values;
    Py_ssize_t count, room;
} Numbers;

/* 0, or -1 with an exception set. */
static int add_number(Numbers *numbers, int64_t value) {
    if (numbers->count == numbers->room) {
        Py_ssize_t room = numbers->room ? 2 * numbers->room : 64;
        int64_t *values = realloc(numbers->values, (size_t)room * sizeof *values);
        if (!values) {
            PyErr_NoMemory();
            return -1;
        }
        numbers->values = values;
        numbers->room = room;
    }
    numbers->values[numbers->count++] = value;
    return 0;
}

static PyObject *as_bytes(const Numbers *numbers) {
    Py_ssize_t size = numbers->count * (Py_ssize_t)sizeof *numbers->values;
    return PyBytes_FromStringAndSize(numbers->count ? (const char *)numbers->values : "", size);
}

/* The samples read so far. */
typedef struct {
    const uint8_t *data;
    PyObject *pictures, *keys, *suffixes;
    Numbers heads, spans;
    Sample last;             /* the last sample whose suffixes were added */
    PyObject *last_suffixes; /* borrowed from `suffixes` */
    int picture, cls;        /* the indices of its picture and its label; -1 for none */
} Found;

static int has_suffix(const Member *member, const char *suffix) {
    return member->length == (int)strlen(suffix) && memcmp(member->suffix, suffix, (size_t)member->length) == 0;
}

static int same_suffixes(const Sample *a, const Sample *b) {
    if (a->count != b->count) return 0;
    for (int i = 0; i < a->count; i++)
        if (a->members[i].length != b->members[i].length ||
            memcmp(a->members[i].suffix, b->members[i].suffix, (size_t)a->members[i].length) != 0)
            return 0;
    return 1;
}

/* Appends suffixes that differ from those of the last sample. 0, or -1 with an exception set. */
static int add_suffixes(Found *found, const Sample *sample) {
    PyObject *suffixes = PyTuple_New(sample->count);
    if (!suffixes) return -1;
    found->picture = found->cls = -1;
    int failed = 0;
    for (int i = 0; i < sample->count && !failed; i++) {
        const Member *member = &sample->members[i];
        PyObject *suffix = PyUnicode_FromStringAndSize(member->suffix, member->length);
        int is_picture = suffix ? PySet_Contains(found->pictures, suffix) : -1;
        if (is_picture == 1 && found->picture < 0) found->picture = i;
        if (has_suffix(member, "cls")) found->cls = i;
        failed = is_picture < 0;
        if (suffix) PyTuple_SetItem(suffixes, i, suffix);
    }
    failed = failed || PyList_Append(found->suffixes, suffixes) < 0;
    Py_DECREF(suffixes);
    found->last = *sample;
    found->last_suffixes = suffixes;
    return failed ? -1 : 0;
}

static int is_space(uint8_t letter) { return letter == ' ' || (letter >= '\t' && letter <= '\r'); }

/* Returns the label as `Sample.label` reads it; the smallest int64 for anything else. */
static int64_t label_of(const uint8_t *text, Py_ssize_t size) {
    while (size && is_space(text[0])) text++, size--;
    while (size && is_space(text[size - 1])) size--;
    int negative = size && text[0] == '-';
    Py_ssize_t at = negative;
    if (at == size || size - at > DIGITS) return INT64_MIN;
    int64_t value = 0;
    for (; at < size; at++) {
        if (text[at] < '0' || text[at] > '9') return INT64_MIN;
        value = value * 10 + (text[at] - '0');
    }
    return negative ? INT64_MIN : value; /* samples.py decides what negative labels mean */
}

/* Appends the sample if it has members. 0, or -1 with an exception set. */
static int append(const Sample *sample, Found *found) {
    if (!sample->count) return 0;
    PyObject *key = PyUnicode_FromStringAndSize(sample->key, sample->length);
    int failed = !key || PyList_Append(found->keys, key) < 0;
    Py_XDECREF(key);
    if (failed) return -1;
    if (found->last_suffixes && same_suffixes(sample, &found->last)) {
        if (PyList_Append(found->suffixes, found->last_suffixes) < 0) return -1;
    } else if (add_suffixes(found, sample)) {
        return -1;
    }
    const Member *picture = found->picture < 0 ? NULL : &sample->members[found->picture];
    const Member *cls = found->cls < 0 ? NULL : &sample->members[found->cls];
    const int64_t head[] = {
        picture ? picture->begin : -1,
        picture ? picture->end : -1,
        cls ? label_of(found->data + cls->begin, cls->end - cls->begin) : INT64_MIN,
        found->spans.count / 2,
    };
    for (int i = 0; i < 4 && !failed; i++) failed = add_number(&found->heads, head[i]);
    for (int i = 0; i < sample->count && !failed; i++)
        failed =
            add_number(&found->spans, sample->members[i].begin) || add_number(&found->spans, sample->members[i].end);
    return failed ? -1 : 0;
}

/* The names of system files and folders, as in format/ignored_files.py. */
static const char *const SYSTEM[] = {
    "#recycle",    "$recycle.bin", "@eadir",     "__macosx",   "desktop.ini",
    "ehthumbs.db", "icon\r",       "lost+found", "paxheaders", "system volume information",
    "thumbs.db",
};

/* True if a part of the name is hidden, or begins as the name of a system file does. */
static int may_be_ignored(const char *name, int length) {
    for (int at = 0; at < length; at++) {
        if (at && name[at - 1] != '/') continue;
        if (name[at] == '.' && (at + 1 == length || name[at + 1] != '/')) return 1;
        for (size_t i = 0; i < sizeof SYSTEM / sizeof *SYSTEM; i++) {
            int rest = length - at, letters = (int)strlen(SYSTEM[i]);
            if (rest >= letters && strncasecmp(name + at, SYSTEM[i], (size_t)letters) == 0) return 1;
        }
    }
    return 0;
}

/* Adds a member to its sample, or begins the next sample. */
static Outcome add(Sample *sample, const char *name, int length, Py_ssize_t begin, Py_ssize_t end, Found *found) {
    int base = length;
    while (base && name[base - 1] != '/') base--;
    const char *dot = memchr(name + base, '.', (size_t)(length - base));
    int key = dot ? (int)(dot - name) : length;
    if (key >= length - 1 || key == base) return UNSUPPORTED;                           /* no suffix, or no key */
    if (memcmp(name, "__", 2) == 0 || may_be_ignored(name, length)) return UNSUPPORTED; /* perhaps of no sample */
    if (!sample->count || key != sample->length || memcmp(name, sample->key, (size_t)key) != 0) {
        if (append(sample, found)) return RAISED;
        *sample = (Sample){.key = name, .length = key};
    }
    if (sample->count == MEMBERS) return UNSUPPORTED;
    Member *member = &sample->members[sample->count++];
    *member = (Member){.length = dot ? length - key - 1 : 0, .begin = begin, .end = end};
    for (int i = 0; i < member->length; i++) {
        char letter = dot[1 + i];
        member->suffix[i] = (char)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
    }
    for (const Member *other = sample->members; other < member; other++)
        if (other->length == member->length && memcmp(other->suffix, member->suffix, (size_t)other->length) == 0)
            return UNSUPPORTED;
    return DONE;
}

/* Reads all members. */
static Outcome collect(const uint8_t *data, Py_ssize_t size, int ended, Found *found) {
    Sample sample = {.count = 0};
    Py_ssize_t at = 0;
    while (at < size) {
        const uint8_t *head = data + at;
        if (size - at < RECORD) return UNSUPPORTED;
        if (!head[0]) {
            if (size - at < 2 * RECORD || !all_zero(head, size - at)) return UNSUPPORTED;
            return append(&sample, found) ? RAISED : DONE;
        }
        int length = plain_name(head);
        int64_t bytes = octal(head + SIZE_AT, 12);
        int kind = head[KIND_AT] == '0' || head[KIND_AT] == 0;
        int magic = memcmp(head + MAGIC_AT, "ustar\0", 6) == 0 && head[PREFIX_AT] == 0;
        if (!length || bytes < 0 || !kind || !magic || !is_sum_right(head)) return UNSUPPORTED;
        if (bytes > size) return UNSUPPORTED;
        Py_ssize_t next = at + RECORD + (Py_ssize_t)((bytes + RECORD - 1) / RECORD * RECORD);
        if (next > size) return UNSUPPORTED;
        Outcome added = add(&sample, (const char *)head, length, at + RECORD, at + RECORD + (Py_ssize_t)bytes, found);
        if (added) return added;
        at = next;
    }
    if (ended) return UNSUPPORTED;
    return append(&sample, found) ? RAISED : DONE;
}

static PyObject *walk(PyObject *self, PyObject *arguments) {
    (void)self;
    Py_buffer data;
    int ended;
    PyObject *pictures, *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*pO", &data, &ended, &pictures)) return NULL;
    Found found = {.data = data.buf, .pictures = pictures, .keys = PyList_New(0), .suffixes = PyList_New(0)};
    Outcome outcome = found.keys && found.suffixes ? collect(data.buf, data.len, ended, &found) : RAISED;
    if (outcome == DONE) {
        PyObject *heads = as_bytes(&found.heads), *spans = as_bytes(&found.spans);
        if (heads && spans) result = PyTuple_Pack(4, found.keys, found.suffixes, heads, spans);
        Py_XDECREF(heads);
        Py_XDECREF(spans);
    }
    Py_XDECREF(found.keys);
    Py_XDECREF(found.suffixes);
    free(found.heads.values);
    free(found.spans.values);
    PyBuffer_Release(&data);
    if (outcome == UNSUPPORTED) Py_RETURN_NONE;
    return result;
}

static PyMethodDef methods[] = {
    {"walk", walk, METH_VARARGS, "walk(data, ended, pictures) -> keys, suffixes, heads, spans; or None"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_walk", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__walk(void) { return PyModule_Create(&module); }
