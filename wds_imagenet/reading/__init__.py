"""A manifest in, an epoch's batches out. Knows nothing of how the shards were packed.

dataset.py    a finished data set: by index, by key, or whole
fetch.py      a block: one ranged read, one checksum, its samples
layers.py     label layers, and blocks with what they give
softlabels.py the soft label of a crop, from the image's label map
order.py      the order of an epoch, a pure function
state.py      where a loader is in it
ranks.py      which process of how many this is, and its share of the CPUs
loader.py     the loader
epochs.py     what it runs: any part of any epoch
process.py    the same in a process of its own: the parent's side
child.py      the child's side
shared.py     the memory that both map
arguments.py  what it is given, and refused if it cannot be meant
iteration.py  one iteration of it, which any thread may end
pipeline.py   what is fetched when, and who decodes it
batches.py    batches, and how they are made
draft.py      one that is being filled
torch.py      the same as tensors, and IterableDataset
buffers.py    memory that is lent, and comes back
threads.py    where threads begin and end
stats.py      what was done, and where the time went
measure.py    how fast it is, and what holds it back
verify.py     all that is wrong with a data set
index.py      a manifest for shards that others wrote
- `benchmark`  Measure a loader, and say what holds it back.
- `buffers`  Memory that is lent out, and comes back when the last view of it is gone.
- `dataset`  A finished data set: opened by its manifest, read by index, by key or from end to end.
- `fetch`  Fetch a block: one ranged read, one checksum, and the samples that it holds.
- `index`  Index shards that someone else wrote: a manifest for them, and not a byte of them touched.
- `index_urls`  The public `index`.
- `verify_report`  The public `verify`.
- `layers`  Label layers: read beside the blocks of their data set, each verified, and merged sample by
  sample.
- `torch`  Batches as torch's tensors, and torch's own kind of data set: the one module that imports torch.
- `verify`  Verify a data set: read every byte and say of each that is not as it should be where it lies.
- `loader`  a folder of its own
- `order`  a folder of its own
- `subprocess`  a folder of its own
"""
