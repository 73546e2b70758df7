/* JPEG's markers, the second of their two bytes: ITU-T T.81, table B.1. */
#ifndef WDS_IMAGENET_MARKERS_H
#define WDS_IMAGENET_MARKERS_H

enum {
    TEM = 0x01,
    SOF0 = 0xC0, /* baseline */
    SOF1 = 0xC1, /* extended sequential; the same as baseline with 8 bits a sample */
    DHT = 0xC4,
    JPG = 0xC8,
    DAC = 0xCC,
    SOF15 = 0xCF,
    RST0 = 0xD0,
    SOI = 0xD8,
    EOI = 0xD9,
    SOS = 0xDA,
    DQT = 0xDB,
    DRI = 0xDD,
    APP0 = 0xE0,
    APP1 = 0xE1,
    APP14 = 0xEE,
    APP15 = 0xEF,
    COM = 0xFE,
    FILL = 0xFF, /* any number of fill bytes may precede a marker (B.1.1.2) */
};

enum { MAX_SEGMENTS = 1000 }; /* before the first scan; ordinary files have some ten */

/* Returns 1 for a start of frame, SOF0 to SOF15. */
static inline int is_frame(int marker) {
    return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
}

/* Returns 1 for a marker without a length (B.1.1.3), and for 0, which is no marker: neither stands before a scan. */
static inline int is_standalone(int marker) { return marker <= TEM || (marker >= RST0 && marker <= EOI); }

#endif
