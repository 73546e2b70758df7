"""The faults of a data set, each with its place: the parts of `verify`.

- `finding`  one fault: file, shard, offset and key
- `blocks`   shards and layers, block by block: each byte is read once
- `files`    plan, report, companion files and receipts, compared with the manifest
- `layers`   the finished layers, and those that cannot be opened
"""
