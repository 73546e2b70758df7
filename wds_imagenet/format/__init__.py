"""The bytes and values of the format, without I/O. `docs/format.md` is its specification.

- `tar`           tar headers written, and archives walked with every header checked
- `samples`       neighbouring members of one key → samples
- `blocks`        a shard cut into blocks, each with its checksum
- `manifest`      the manifest: every shard and block of a finished data set
- `own_hash`      the hash of itself that a JSON file carries
- `layers`        label layers: where they lie, and which data set they belong to
- `info_files`    the files that timm, open_clip and Hugging Face `datasets` look for beside the shards
- `ignored_files` the one rule for hidden and system files
- `dataset_name`  the name that a data set's URL suggests
- `crc`           CRC-32, in C where the module was built

`native/` has the walk and CRC-32 in C; `_walk.pyi` and `_crc.pyi` have their types.
"""
