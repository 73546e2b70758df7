#include "optimize.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "scans.h"

enum { ICC_HEAD = 14, MAX_SEGMENT = 65533 };

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf leave;
    char *reason;
} Errors;

/* libjpeg's own memory destination loses its buffer at an error. */
typedef struct {
    struct jpeg_destination_mgr base;
    uint8_t *bytes;
    size_t size;
} Sink;

static void leave(j_common_ptr common) {
    Errors *errors = (Errors *)common->err;
    char text[JMSG_LENGTH_MAX];
    errors->base.format_message(common, text);
    snprintf(errors->reason, REASON_BYTES, "%.*s", REASON_BYTES - 1, text);
    longjmp(errors->leave, 1);
}

static void leave_because(j_common_ptr common, const char *reason) {
    Errors *errors = (Errors *)common->err;
    snprintf(errors->reason, REASON_BYTES, "%s", reason);
    longjmp(errors->leave, 1);
}

static void leave_at_warnings(j_common_ptr common, int level) {
    if (level < 0) leave(common);
}

static void count_scans(j_common_ptr common) {
    if (((j_decompress_ptr)common)->input_scan_number > MAX_SCANS) leave_because(common, "it has too many scans");
}

static void sink_begin(j_compress_ptr writer) {
    Sink *sink = (Sink *)writer->dest;
    sink->base.next_output_byte = sink->bytes;
    sink->base.free_in_buffer = sink->size;
}

static boolean sink_grow(j_compress_ptr writer) {
    Sink *sink = (Sink *)writer->dest;
    uint8_t *larger = realloc(sink->bytes, 2 * sink->size);
    if (!larger) leave_because((j_common_ptr)writer, "there is no memory");
    sink->bytes = larger;
    sink->base.next_output_byte = larger + sink->size;
    sink->base.free_in_buffer = sink->size;
    sink->size *= 2;
    return TRUE;
}

static void sink_end(j_compress_ptr writer) { (void)writer; }

/* Returns the divisor of a row's MCUs that cuts it most nearly in so many tiles. */
static unsigned interval(unsigned across, unsigned tiles) {
    unsigned best = across;
    double distance = tiles;
    for (unsigned count = 1; count <= 2 * tiles && count <= across; count++) {
        double away = count > tiles ? (double)count / tiles : (double)tiles / count;
        if (across % count == 0 && away < distance) distance = away, best = across / count;
    }
    return best;
}

/* Returns how many MCUs a row of the file that is written will have. */
static unsigned mcus_across(const struct jpeg_compress_struct *writer) {
    int widest = 1;
    if (writer->num_components > 1)
        for (int i = 0; i < writer->num_components; i++)
            if (writer->comp_info[i].h_samp_factor > widest) widest = writer->comp_info[i].h_samp_factor;
    return (writer->image_width + 8 * (unsigned)widest - 1) / (8 * (unsigned)widest);
}

static int is_icc(const struct jpeg_marker_struct *marker) {
    return marker->marker == JPEG_APP0 + 2 && marker->data_length > ICC_HEAD &&
           memcmp(marker->data, "ICC_PROFILE", 12) == 0;
}

static void rewrite(j_decompress_ptr reader, j_compress_ptr writer, size_t max_pixels, int tiles, int keep,
                    const uint8_t *exif, size_t exif_size) {
    if (keep) jpeg_save_markers(reader, JPEG_APP0 + 2, 0xFFFF);
    jpeg_read_header(reader, TRUE);
    if ((size_t)reader->image_width * reader->image_height > max_pixels)
        leave_because((j_common_ptr)reader, "it has too many pixels");
    jvirt_barray_ptr *coefficients = jpeg_read_coefficients(reader);
    if (are_bits_missing(reader)) leave_because((j_common_ptr)reader, "its scans do not give the whole picture");
    jpeg_copy_critical_parameters(reader, writer);
    writer->optimize_coding = TRUE;
    writer->restart_interval = interval(mcus_across(writer), (unsigned)tiles);
    jpeg_write_coefficients(writer, coefficients);
    if (keep && exif_size && exif_size <= MAX_SEGMENT)
        jpeg_write_marker(writer, JPEG_APP0 + 1, exif, (unsigned)exif_size);
    for (jpeg_saved_marker_ptr marker = reader->marker_list; marker; marker = marker->next)
        if (is_icc(marker)) jpeg_write_marker(writer, marker->marker, marker->data, marker->data_length);
    jpeg_finish_compress(writer);
    jpeg_finish_decompress(reader); /* libjpeg warns here if the end is missing */
}

/* Everything that a jump may leave half done. */
typedef struct {
    struct jpeg_decompress_struct reader;
    struct jpeg_compress_struct writer;
    struct jpeg_progress_mgr progress;
    Errors errors;
    Sink sink;
} Work;

static int try_rewrite(Work *work, const uint8_t *data, size_t size, size_t max_pixels, int tiles, int keep,
                       const uint8_t *exif, size_t exif_size) {
    work->reader.err = work->writer.err = jpeg_std_error(&work->errors.base);
    work->errors.base.error_exit = leave;
    work->errors.base.emit_message = leave_at_warnings;
    work->progress.progress_monitor = count_scans;
    if (setjmp(work->errors.leave)) return -1;
    jpeg_create_decompress(&work->reader);
    jpeg_create_compress(&work->writer);
    work->reader.progress = &work->progress;
    work->sink.base.init_destination = sink_begin;
    work->sink.base.empty_output_buffer = sink_grow;
    work->sink.base.term_destination = sink_end;
    work->writer.dest = &work->sink.base;
    jpeg_mem_src(&work->reader, data, (unsigned long)size);
    rewrite(&work->reader, &work->writer, max_pixels, tiles, keep, exif, exif_size);
    return 0;
}

int optimize_jpeg(const uint8_t *data, size_t size, size_t max_pixels, int tiles, int keep, const uint8_t *exif,
                  size_t exif_size, uint8_t **out, size_t *out_size, char reason[REASON_BYTES]) {
    Work work = {0};
    work.errors.reason = reason;
    work.sink.size = size + 4096;
    work.sink.bytes = malloc(work.sink.size);
    int failed = -1;
    if (work.sink.bytes) {
        failed = try_rewrite(&work, data, size, max_pixels, tiles, keep, exif, exif_size);
        jpeg_destroy_compress(&work.writer);
        jpeg_destroy_decompress(&work.reader);
    } else {
        snprintf(reason, REASON_BYTES, "there is no memory");
    }
    *out_size = failed ? 0 : work.sink.size - work.sink.base.free_in_buffer;
    *out = failed ? NULL : work.sink.bytes;
    if (failed) free(work.sink.bytes);
    return failed;
}
