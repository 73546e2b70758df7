/* The layout of the decoded MCUs in memory. */
#ifndef WDS_IMAGENET_PLANES_H
#define WDS_IMAGENET_PLANES_H

#include <stddef.h>
#include <stdint.h>

/* A rectangle of MCUs, the smallest units that are coded together (ITU-T T.81, A.2.3). */
typedef struct {
    int left, top, right, bottom;
} McuRange;

/* One component's samples in a range of MCUs. */
typedef struct {
    uint8_t *first;
    ptrdiff_t stride;
    int side;         /* samples of a block's side */
    int across, down; /* blocks of an MCU */
} Plane;

#endif
