"""subprocess.

- `child`  The child's side of reading in a process of its own: what it is told, what it says, and how it
  ends.
- `parent`  Epochs read in a process of their own: the same batches, in shared memory, and no GIL in common.
- `shared_memory`  Batches in memory that two processes share: one lays them out, the other finds them.
"""
