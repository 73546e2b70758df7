"""References → shards → manifest: from a released data set to one that can be trained on.

- `options`      what a person may choose, and what of it decides the bytes: all of it
- `plan`         which sample goes where, decided before the first byte is written; pure
- `publish`      one shard onto the store: built beside it, put, confirmed, receipted
- `report`       what packing tells of itself
- `engines`      what does the work in parallel
- `api`  Pack a data set: from what a source finds to a committed manifest.
- `build`  a folder of its own
"""
