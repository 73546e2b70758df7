#include "libjpeg/optimize.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "libjpeg/errors.h"
#include "libjpeg/scans.h"

enum { ICC_HEAD = 14, MAX_SEGMENT = 65533 };

/* A destination in memory. That of libjpeg (jpeg_mem_dest) leaks its buffer at an error. */
typedef struct {
    struct jpeg_destination_mgr base;
    uint8_t *bytes;
    size_t size;
} Sink;

static void sink_begin(j_compress_ptr writer) {
    Sink *sink = (Sink *)writer->dest;
    sink->base.next_output_byte = sink->bytes;
    sink->base.free_in_buffer = sink->size;
}

static boolean sink_grow(j_compress_ptr writer) {
    Sink *sink = (Sink *)writer->dest;
    uint8_t *larger = realloc(sink->bytes, 2 * sink->size);
    if (!larger) leave_because((j_common_ptr)writer, NO_MEMORY, "there is no memory");
    sink->bytes = larger;
    sink->base.next_output_byte = larger + sink->size;
    sink->base.free_in_buffer = sink->size;
    sink->size *= 2;
    return TRUE;
}

static void sink_end(j_compress_ptr writer) { (void)writer; }

/* Returns the restart interval that divides a row of MCUs in `tiles` equal parts, or as nearly so many as possible. */
static unsigned interval(unsigned across, unsigned tiles) {
    unsigned best = across;
    double distance = tiles;
    for (unsigned count = 1; count <= 2 * tiles && count <= across; count++) {
        double away = count > tiles ? (double)count / tiles : (double)tiles / count;
        if (across % count == 0 && away < distance) distance = away, best = across / count;
    }
    return best;
}

/* Returns the number of MCUs of a row of the new file. */
static unsigned mcus_across(const struct jpeg_compress_struct *writer) {
    int widest = 1;
    if (writer->num_components > 1)
        for (int i = 0; i < writer->num_components; i++)
            if (writer->comp_info[i].h_samp_factor > widest) widest = writer->comp_info[i].h_samp_factor;
    return (writer->image_width + 8 * (unsigned)widest - 1) / (8 * (unsigned)widest);
}

/* ICC.1:2010, B.4. */
static int is_icc(const struct jpeg_marker_struct *marker) {
    return marker->marker == JPEG_APP0 + 2 && marker->data_length > ICC_HEAD &&
           memcmp(marker->data, "ICC_PROFILE", 12) == 0;
}

static void rewrite(j_decompress_ptr reader, j_compress_ptr writer, size_t max_pixels, int tiles, int keep,
                    const uint8_t *exif, size_t exif_size) {
    if (keep) jpeg_save_markers(reader, JPEG_APP0 + 2, 0xFFFF);
    jpeg_read_header(reader, TRUE);
    if ((size_t)reader->image_width * reader->image_height > max_pixels)
        leave_because((j_common_ptr)reader, UNSUPPORTED, "it has too many pixels");
    jvirt_barray_ptr *coefficients = jpeg_read_coefficients(reader);
    if (are_bits_missing(reader))
        leave_because((j_common_ptr)reader, UNSUPPORTED, "its scans do not give the whole picture");
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

/* All objects that a jump may leave half done. */
typedef struct {
    struct jpeg_decompress_struct reader;
    struct jpeg_compress_struct writer;
    struct jpeg_progress_mgr progress;
    LibjpegErrors errors;
    Sink sink;
} Transcoding;

static Status try_rewrite(Transcoding *work, const uint8_t *data, size_t size, size_t max_pixels, int tiles, int keep,
                          const uint8_t *exif, size_t exif_size) {
    work->reader.err = work->writer.err = catch_errors(&work->errors);
    work->progress.progress_monitor = limit_scans;
    if (setjmp(work->errors.leave)) return work->errors.status;
    jpeg_create_decompress(&work->reader);
    jpeg_create_compress(&work->writer);
    work->reader.progress = &work->progress;
    work->sink.base.init_destination = sink_begin;
    work->sink.base.empty_output_buffer = sink_grow;
    work->sink.base.term_destination = sink_end;
    work->writer.dest = &work->sink.base;
    jpeg_mem_src(&work->reader, data, (unsigned long)size);
    rewrite(&work->reader, &work->writer, max_pixels, tiles, keep, exif, exif_size);
    return DONE;
}

Status optimize_jpeg(const uint8_t *data, size_t size, size_t max_pixels, int tiles, int keep, const uint8_t *exif,
                     size_t exif_size, uint8_t **out, size_t *out_size, char reason[REASON_BYTES]) {
    Transcoding work = {0};
    *out = NULL;
    *out_size = 0;
    reason[0] = 0;
    work.sink.size = size + 4096;
    work.sink.bytes = malloc(work.sink.size);
    if (!work.sink.bytes) return NO_MEMORY;
    Status status = try_rewrite(&work, data, size, max_pixels, tiles, keep, exif, exif_size);
    jpeg_destroy_compress(&work.writer);
    jpeg_destroy_decompress(&work.reader);
    if (status) {
        memcpy(reason, work.errors.reason, REASON_BYTES);
        free(work.sink.bytes);
        return status;
    }
    *out = work.sink.bytes;
    *out_size = work.sink.size - work.sink.base.free_in_buffer;
    return DONE;
}
