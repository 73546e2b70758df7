/* The faults that libjpeg finds: each ends in a `longjmp` (libjpeg.txt, "Error handling"). Needs jpeglib.h before it.
 *
 * A caller points `base.err` of its objects at the result of `catch_errors`, and then calls `setjmp(errors.leave)`. */
#ifndef WDS_IMAGENET_ERRORS_H
#define WDS_IMAGENET_ERRORS_H

#include <setjmp.h>

#include "common/status.h"

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf leave;
    Status status;             /* of the call that failed */
    char reason[REASON_BYTES]; /* in libjpeg's words where it has any */
} LibjpegErrors;

/* Sets up the handlers: every error and every warning leaves, and nothing is printed. */
struct jpeg_error_mgr *catch_errors(LibjpegErrors *errors);

/* Leaves with a status and a reason. */
_Noreturn void leave_because(j_common_ptr common, Status status, const char *reason);

/* A progress monitor that leaves at more scans than a picture may have: each takes as long as a whole decode. */
void limit_scans(j_common_ptr common);

#endif
