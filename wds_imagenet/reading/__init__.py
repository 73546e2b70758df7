"""A manifest in, an epoch's batches out. Nothing here depends on how the shards were packed.

Training and evaluation read from the top, and each file builds on those below it:

- `torch`  `IterableDataset`: the batches of a `Loader` behind torch's own `DataLoader`.
- `passes`  The count of passes, which workers of a DataLoader share.
- `callers`  Errors for callers that would cut or join batches.
- `loader`  `Loader`: the epochs of a data set as batches, in an exact, resumable, elastic order.
- `batch_source`  The choice between the next two.
- `subprocess`  The same batches, made in a child process.
- `batches`  Batches made by threads of one process.
- `tensors`  Torch tensors: the memory of images, and filled batches as tensors.
- `order`  The order of an epoch, the slice of a rank, and the position of a loader.
- `iteration`  An iteration that any thread may end.
- `no_data_loader`  Errors for programs that take a loader for a DataLoader.
- `arguments`  Numbers are checked, and unknown names get an error with the right one.
- `dataset`  A finished data set: opened by its manifest, and read by index, by key or from end to end.
- `layers`  Label layers: their blocks are read with the data set's, and merged sample by sample.
- `fetch_blocks`  A block: one ranged read, one checksum, and its samples.
- `fetching`  Blocks on their way: by threads from a disk, in one event loop from a bucket.
- `buffers`  Memory that is lent out, and returns when its last view is gone.

Tools for a whole data set:

- `verify`  Read every byte, and report every fault with its location.
- `findings`  The parts of `verify`: shards block by block, layers, and the files beside them.
- `benchmark`  Measure a loader, and name its bottleneck.
"""
