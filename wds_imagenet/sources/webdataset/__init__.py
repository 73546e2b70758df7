"""`webdataset`: the samples of WebDataset shards, packed by this package or by others.

- `source`            the function: lists the samples, or streams gzipped shards
- `shard_set`         finds the shards of an input, and checks them against a manifest
- `shard_listing`     reads the headers and small members of one shard
- `selection`         selects samples by key and label, and maps labels to new ones
- `selected_samples`  makes a reference of each selected sample
"""
