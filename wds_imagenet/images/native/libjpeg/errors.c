#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

#include "libjpeg/errors.h"
#include "libjpeg/scans.h"

_Noreturn void leave_because(j_common_ptr common, Status status, const char *reason) {
    LibjpegErrors *errors = (LibjpegErrors *)common->err;
    errors->status = status;
    snprintf(errors->reason, REASON_BYTES, "%s", reason);
    longjmp(errors->leave, 1);
}

static void leave(j_common_ptr common) {
    char text[JMSG_LENGTH_MAX];
    common->err->format_message(common, text);
    leave_because(common, UNSUPPORTED, text);
}

/* Warnings, below level 0, report data that libjpeg replaces by a guess. Other levels are traces. */
static void leave_at_warnings(j_common_ptr common, int level) {
    if (level < 0) leave(common);
}

static void print_nothing(j_common_ptr common) { (void)common; }

struct jpeg_error_mgr *catch_errors(LibjpegErrors *errors) {
    jpeg_std_error(&errors->base);
    errors->base.error_exit = leave;
    errors->base.emit_message = leave_at_warnings;
    errors->base.output_message = print_nothing;
    errors->status = UNSUPPORTED;
    errors->reason[0] = 0;
    return &errors->base;
}

void limit_scans(j_common_ptr common) {
    if (((j_decompress_ptr)common)->input_scan_number > MAX_SCANS)
        leave_because(common, UNSUPPORTED, "it has too many scans");
}
