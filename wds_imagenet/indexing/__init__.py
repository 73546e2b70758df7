"""Indexing: a manifest for the WebDataset shards of another program, which stay as they are.

- `index`          the function `index`: finds the shards, and reports
- `shard_entries`  reads each shard, and writes one manifest for all
- `class_table`    the class table, from the labels and class names in the samples
"""
