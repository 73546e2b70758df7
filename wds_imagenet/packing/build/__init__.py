"""Building one shard: from a task to a checked tar file and its receipt.

- `builders`      one class for each kind of packing: fetch the bytes, build the shard
- `fetch`         the bytes of references, from any store
- `downloads`     the bytes of references on the web
- `image_policy`  one image: kept, rewritten, repaired or rejected
- `shard`         one shard of a data set
- `layer_shard`   one tar of a label layer
- `shard_file`    the tar file, written block by block and read back
- `receipt`       the content of a published shard
"""
