"""A manifest in, an epoch's batches out. Knows nothing of how the shards were packed.

dataset.py    a finished data set: by index, by key, or whole
fetch.py      a block: one ranged read, one checksum, its samples
order.py      the order of an epoch, a pure function
state.py      where a loader is in it
ranks.py      which process of how many this is
loader.py     the loader
pipeline.py   what is fetched when, and who decodes it
batches.py    batches, and how one is filled
torch.py      the same as tensors, and IterableDataset
threads.py    where threads begin and end
stats.py      what was done, and where the time went
measure.py    how fast it is, and what holds it back
verify.py     all that is wrong with a data set
index.py      a manifest for shards that others wrote
"""
