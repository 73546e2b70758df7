"""build.

- `downloads`  Images from the web: bytes, or the reason why they cannot be had, which is no reason to stop.
- `fetch`  The bytes that a reference means.
- `image_policy`  What becomes of one image on its way into a shard: taken as it is, rewritten, mended or
  refused.
- `layer_shard`  One tar of a label layer: annotations in, a checked file and its receipt out.
- `shard`  One shard: images in, a checked tar file and its receipt out.
- `shard_file`  A shard's file while it is written: block by block, each read back before the next.
"""
