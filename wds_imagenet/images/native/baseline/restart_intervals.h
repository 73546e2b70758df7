/* The MCUs of one scan, from bits to samples: ITU-T T.81, F.2 and E.1.4 (restart intervals). */
#ifndef WDS_IMAGENET_MCUS_H
#define WDS_IMAGENET_MCUS_H

#include <stddef.h>
#include <stdint.h>

#include "baseline/frame.h"
#include "baseline/planes.h"
#include "common/status.h"

/* Decodes the MCUs of a range into planes. `buffer` has room for `size - frame->scan + PADDING` bytes.
 *
 * All MCUs above and beside the range are read, but not kept; restart intervals without a needed MCU are not read.
 * UNSUPPORTED for wrong bits or markers up to the last MCU of the range. Needs AVX2. */
Status read_mcus(const uint8_t *data, size_t size, const Frame *frame, const HuffmanTables *tables,
                 const McuRange *range, const Plane planes[3], uint8_t *buffer);

#endif
