"""Bytes and values of the format, and no I/O. `docs/format.md` describes it.

tar.py         the headers that we write, and a walk that believes nothing
samples.py     neighbouring members of one key
blocks.py      a shard cut into blocks
manifest.py    what a finished data set is, block by block
layers.py      where label layers lie, and what binds them to their data set
companions.py  the files that other readers look for beside the shards
native/        the walk in C, for archives without anything unusual; _walk.pyi has its type
"""
