/* The baseline decoder is compiled for x86-64 by GCC and Clang. At run time it needs a processor with AVX2. */
#ifndef WDS_IMAGENET_AVX2_H
#define WDS_IMAGENET_AVX2_H

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_BASELINE 1
#define AVX2 __attribute__((target("avx2")))
#endif

#endif
