"""The faults of a data set, each with its place: the parts of `verify`.

- `finding`  one fault: file, shard, offset and key
- `blocks`   shards and layers, block by block: each byte is read once
- `files`    plan, report and companion files, compared with the manifest
- `receipts`  the receipts that were kept, and foreign files among them
- `layers`   the finished layers, and those that cannot be opened
"""
