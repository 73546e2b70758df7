"""Epochs read in a child process: the same batches, in shared memory, and no GIL in common.

- `parent`  The parent's side: start the child, ask for batches, and end it on every way out.
- `child`  The child's side: make the batches that the parent asks for.
- `messages`  The messages between the two.
- `shared_memory`  Batches in memory that both processes map.
"""
