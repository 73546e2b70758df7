"""Publishing: one run for every kind of packing, from the state of the destination to the manifest.

- `job`             the protocol of a kind of packing
- `run`             build and publish the missing shards, then the manifest
- `preflight`       checks before the input is listed
- `resume`          the plan at a destination, and its finished shards
- `check`           finished shards, compared by size or, with `--check`, byte for byte
- `publisher`       one shard: built, checked, put, confirmed, receipted
- `temporary_file`  the file in which a shard is built
- `plan_lock`       the plan file, which reserves the destination
- `neighbours`      data sets beside the destination whose classes have other labels
- `layout`          the paths of all files
"""
