"""publish.

- `claim`  Whose a place is: the plan that lies there before the first tar does.
- `destination`  The destination as a whole: whose it is, what of it is done, and the commit that ends it.
- `layer_run`  Label a finished data set: a layer of labels beside its shards, and not an image written.
- `preflight`  What can be refused before a listing, which may take hours: contradictions, and the
  destination.
- `receipt`  A receipt: what one published shard holds. The manifest is made of receipts alone.
- `stream_run`  Pack a stream: one pass, from its first byte to a committed manifest.
- `upload`  One shard onto a store: built beside it, read back, put, confirmed, receipted.
- `verify`  Finished shards, held against what is known of them: by size always, by every byte on demand.
"""
