/* The result of every function that can fail: see README.md. */
#ifndef WDS_IMAGENET_STATUS_H
#define WDS_IMAGENET_STATUS_H

typedef enum {
    DONE = 0,
    UNSUPPORTED = 1, /* unusual or damaged: the caller asks another decoder, or Python, which names the fault */
    NO_MEMORY = 2,
} Status;

enum { REASON_BYTES = 256 }; /* of a reason for UNSUPPORTED, where a function gives one */

#endif
