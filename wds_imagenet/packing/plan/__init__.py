"""Planning: each sample's shard and position, the JSON schema, and the plan file. No I/O.

- `source_urls`          URLs of references, without secrets
- `label_join`           their annotations, joined to images
- `computed_references`  references that are computed when they are accessed
- `scan`                 one iteration over all references
- `census`               their labels, captions, metadata types and attachments, counted
- `attachments`          further members of a sample
- `faults`               references that the source already found unusable
- `reference_hash`       the SHA-256 of all references
- `duplicate_keys`       equal keys among many
- `schema`               the members and JSON fields of every sample
- `sample_size`          the expected size of a sample
- `plan_file`            what plan files have in common, and their differences
- `listing_plan`         the plan of a listing
- `stream_plan`          the plan of a stream
- `stream_schema`        the check of a stream's samples against its declaration
- `stream_shuffle`       the shuffle of a stream
- `shard_cutting`        the shards of a stream
- `layer_plan`           the plan of a label layer
- `shard_task`           one shard or tar to be built
"""
