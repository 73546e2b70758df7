"""webdataset.

- `selection`  Which samples of a packed data set are taken, and what their labels become.
- `shard_listing`  Shards that someone packed: their samples, found by the headers, with what is small of
  them read.
- `source`  `webdataset`: shards that someone else packed, or we, to be packed anew.
"""
