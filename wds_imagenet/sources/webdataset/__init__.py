"""`webdataset`: the samples of WebDataset shards, packed by this package or by others.

- `source`            the function: lists the samples, or streams compressed shards
- `shard_set`         finds the shards of an input, and checks them against a manifest
- `selection`         selects samples by key and label, and maps labels to new ones
- `key_list`          finds the lines of a list of keys, file names or paths
- `shard_keys`        names of shards in front of keys
- `selected_samples`  makes a reference of each selected sample
"""
