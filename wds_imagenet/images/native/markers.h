/* JPEG's markers, the second of their two bytes: ISO/IEC 10918-1, table B.1. */
#ifndef WDS_IMAGENET_MARKERS_H
#define WDS_IMAGENET_MARKERS_H

enum {
    SOF0 = 0xC0, /* baseline; SOF1 is as good with 8 bits */
    SOF1 = 0xC1,
    SOF2 = 0xC2,
    DHT = 0xC4,
    RST0 = 0xD0,
    EOI = 0xD9,
    SOS = 0xDA,
    DQT = 0xDB,
    DRI = 0xDD,
    APP0 = 0xE0,
    APP1 = 0xE1,
    APP14 = 0xEE,
    APP15 = 0xEF,
    COM = 0xFE,
};

#endif
