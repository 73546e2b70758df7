"""Packing: a data set as it was released becomes shards and a manifest; labels become layers.

- `api`             `pack`: a source's listing or stream, with label files
- `add_layer`       `add_layer`: labels for a finished data set
- `options`         the options that decide the bytes
- `source_keywords`  the options of all sources
- `label_files`     the label files that a user names, opened
- `unlabelled`      images without a label among images that have one
- `pack_dataset`    a listing or a stream, packed
- `report`          progress and reports
- `plan`            each sample's place, decided before the first byte
- `build`           the bytes of one shard
- `jobs`            the three kinds of packing: listing, stream, layer
- `publish`         one run for all of them
- `engines`         parallel workers
"""
