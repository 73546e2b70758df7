#include "common/scratch.h"

#include <pthread.h>
#include <stdlib.h>

static const size_t MAX_KEPT = (size_t)32 << 20; /* bytes of an arena between calls */

static pthread_key_t key;

Status arena_grow(Arena *arena, size_t size) {
    if (size <= arena->size) return DONE;
    free(arena->bytes);
    size += size / 2;
    arena->bytes = malloc(size);
    arena->size = arena->bytes ? size : 0;
    return arena->bytes ? DONE : NO_MEMORY;
}

static void arena_clear(Arena *arena) {
    free(arena->bytes);
    *arena = (Arena){0};
}

void scratch_clear(Scratch *scratch) {
    arena_clear(&scratch->pixels);
    arena_clear(&scratch->spliced);
    arena_clear(&scratch->planes);
}

void scratch_shrink(Scratch *scratch) {
    Arena *arenas[] = {&scratch->pixels, &scratch->spliced, &scratch->planes};
    for (int i = 0; i < 3; i++)
        if (arenas[i]->size > MAX_KEPT) arena_clear(arenas[i]);
}

static void end_thread(void *scratch) {
    scratch_clear(scratch);
    free(scratch);
}

Status scratch_init(void) { return pthread_key_create(&key, end_thread) ? NO_MEMORY : DONE; }

Scratch *scratch_of_thread(void) {
    Scratch *scratch = pthread_getspecific(key);
    if (!scratch && (scratch = calloc(1, sizeof *scratch)) && pthread_setspecific(key, scratch)) {
        free(scratch);
        scratch = NULL;
    }
    return scratch;
}
