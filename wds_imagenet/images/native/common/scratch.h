/* Memory that a thread decodes into again and again: fresh pages cost a page fault each, 4 KiB by 4 KiB. */
#ifndef WDS_IMAGENET_SCRATCH_H
#define WDS_IMAGENET_SCRATCH_H

#include <stddef.h>
#include <stdint.h>

#include "baseline/huffman.h"
#include "common/status.h"

typedef struct {
    uint8_t *bytes;
    size_t size;
} Arena;

/* One thread's memory and Huffman tables, all zero at first. */
typedef struct {
    Arena pixels, spliced, planes;
    HuffmanTables tables;
} Scratch;

/* Makes an arena at least `size` bytes large. The arena's content is lost. DONE or NO_MEMORY. */
Status arena_grow(Arena *arena, size_t size);

/* Frees the arenas, but not the scratch itself. */
void scratch_clear(Scratch *scratch);

/* Frees each arena that is larger than a thread keeps between calls. */
void scratch_shrink(Scratch *scratch);

/* Makes `scratch_of_thread` usable; called once. DONE or NO_MEMORY. */
Status scratch_init(void);

/* Returns the calling thread's scratch, which lives as long as the thread; NULL if there is no memory. */
Scratch *scratch_of_thread(void);

#endif
