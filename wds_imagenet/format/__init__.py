"""Bytes and values of the format, and no I/O. `docs/format.md` describes it.

tar.py         the headers that we write, and a walk that believes nothing
samples.py     neighbouring members of one key
blocks.py      a shard cut into blocks
manifest.py    what a finished data set is, block by block
layers.py      where label layers lie, and what binds them to their data set
companions.py  the files that other readers look for beside the shards
crc.py         CRC-32, which zlib knows too, but not so fast
native/        the walk and CRC-32 in C, for archives without anything unusual; *.pyi have their types
- `blocks`  Cut a shard into blocks.
- `companions`  The small files beside the shards that other readers look for. Pure: a manifest in, bytes out.
- `crc`  CRC-32, by which a reader knows that a block is whole.
- `dataset_name`  The name of a data set that its URL suggests. Pure.
- `layers`  Label layers: where they lie beside a data set's shards, and what binds them to it. No I/O.
- `manifest`  The manifest: what a finished data set is, block by block. Its presence is the commit.
- `samples`  Samples in a tar: neighbouring members of one key.
- `tar`  Tar archives: the few bytes that we write, and a reader that believes nothing.
"""
