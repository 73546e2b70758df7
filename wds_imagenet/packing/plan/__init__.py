"""plan.

- `attachments`  Attachments: what further members the samples have, and the bytes that they become. Pure.
- `duplicate_keys`  Keys of many shards that are the same, found in 8 bytes a key. Pure.
- `label_files`  The label files that a person names, opened, and what they are joined to.
- `label_join`  What label files say, joined to images by their stems, each as it is asked for. Pure.
- `layer_plan`  A label layer's plan: what each sample of a finished data set gets, shard by shard. Pure.
- `listing_plan`  The shard plan: which sample goes where, decided before the first byte is written. Pure.
- `schema`  One field set for the JSON of every sample: the same names, the same types, no nulls.
- `shard_cutting`  Arrivals → full shards, in the order in which they come. Pure.
- `shard_task`  One shard to be built: what a worker is sent. Light to import, for every worker does.
- `source_urls`  Where references lie: which store, and in words that outlive a move and hold no secret. Pure.
- `stream_plan`  The plan of a stream: all that decides the bytes, of what is known before the first
  sample. Pure.
- `stream_schema`  Whether the samples of a stream are as it declared them. Pure.
- `stream_shuffle`  The random order of a stream: as random as the memory that it may take. Pure.
"""
