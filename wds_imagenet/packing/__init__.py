"""References → shards → manifest: from a released data set to one that can be trained on.

- `pack`         the whole: plan, build what is missing, commit
- `options`      what a person may choose, and what of it decides the bytes: all of it
- `plan`         which sample goes where, decided before the first byte is written; pure
- `schema`       one field set for the JSON of every sample; pure
- `location`     where references lie, without secrets; pure
- `task`         one shard to be built: what a worker is sent
- `fetch`        the bytes that a reference means
- `intake`       what becomes of one image: taken, rewritten, mended or refused
- `shard`        images in, a checked tar file and its receipt out
- `shardfile`    that file, written block by block and read back
- `publish`      one shard onto the store: built beside it, put, confirmed, receipted
- `receipt`      what one published shard holds
- `destination`  whose the destination is, what of it is done, and the commit
- `engines`      what does the work in parallel
"""
