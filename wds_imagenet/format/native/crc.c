/* `_crc`: the CRC-32 of zlib and gzip (RFC 1952, section 8), several times as fast with carry-less multiplication.
 *
 * crc32(data) -> (crc, done)
 *     The checksum of the first `done` bytes: all but fewer than 64, from which zlib continues. `done` is 0 on a
 *     processor without carry-less multiplication. Runs without the GIL.
 *
 * The method and the names of its constants are those of V. Gopal et al., "Fast CRC Computation for Generic Polynomials
 * Using PCLMULQDQ Instruction", Intel, 2009: four lanes of 128 bits are folded on, then into one, then reduced.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum { WIDTH = 64 };

#define CLMUL __attribute__((target("pclmul,sse4.1")))

CLMUL static inline __m128i fold(__m128i sum, __m128i constants, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(sum, constants, 0x00), high = _mm_clmulepi64_si128(sum, constants, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

CLMUL static inline __m128i load(const uint8_t *at) { return _mm_loadu_si128((const __m128i *)at); }

/* Returns the CRC of one or more times WIDTH bytes. */
CLMUL static uint32_t crc_of(const uint8_t *data, size_t size) {
    const __m128i by_four = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by_one = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i to_64 = _mm_set_epi64x(0, 0x0163cd6124), polynomial = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i halves = _mm_setr_epi32(~0, 0, ~0, 0), start = _mm_cvtsi32_si128(~0);
    __m128i lanes[4];
    for (int i = 0; i < 4; i++) lanes[i] = load(data + 16 * i);
    lanes[0] = _mm_xor_si128(lanes[0], start);
    for (const uint8_t *at = data + WIDTH; at < data + size; at += WIDTH)
        for (int i = 0; i < 4; i++) lanes[i] = fold(lanes[i], by_four, load(at + 16 * i));
    __m128i sum = lanes[0];
    for (int i = 1; i < 4; i++) sum = fold(sum, by_one, lanes[i]);
    sum = _mm_xor_si128(_mm_srli_si128(sum, 8), _mm_clmulepi64_si128(sum, by_one, 0x10));
    sum = _mm_xor_si128(_mm_srli_si128(sum, 4), _mm_clmulepi64_si128(_mm_and_si128(sum, halves), to_64, 0x00));
    /* Barrett's reduction. */
    __m128i part = _mm_clmulepi64_si128(_mm_and_si128(sum, halves), polynomial, 0x10);
    part = _mm_clmulepi64_si128(_mm_and_si128(part, halves), polynomial, 0x00);
    return ~(uint32_t)_mm_extract_epi32(_mm_xor_si128(sum, part), 1);
}

static int can_multiply(void) { return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"); }

#else

enum { WIDTH = 64 };

static uint32_t crc_of(const uint8_t *data, size_t size) { return (void)data, (void)size, 0; }

static int can_multiply(void) { return 0; }

#endif

static PyObject *crc32(PyObject *self, PyObject *given) {
    (void)self;
    Py_buffer data;
    if (PyObject_GetBuffer(given, &data, PyBUF_SIMPLE) < 0) return NULL;
    size_t done = can_multiply() ? (size_t)data.len / WIDTH * WIDTH : 0;
    uint32_t crc = 0;
    if (done) {
        Py_BEGIN_ALLOW_THREADS;
        crc = crc_of(data.buf, done);
        Py_END_ALLOW_THREADS;
    }
    PyBuffer_Release(&data);
    return Py_BuildValue("kn", (unsigned long)crc, (Py_ssize_t)done);
}

static PyMethodDef methods[] = {
    {"crc32", crc32, METH_O, "crc32(data) -> (crc, done)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_crc", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__crc(void) { return PyModule_Create(&module); }
