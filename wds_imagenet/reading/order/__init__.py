"""The order of samples: pure functions of the manifest, the seed, the epoch and the rank.

- `epoch_order`  The order of an epoch, and the slice of it that one rank reads.
- `ranks`  The rank and the world size of this process, and its number of threads.
- `position`  The position of a loader between two batches.
- `state`  The position of a loader, as JSON values.
"""
