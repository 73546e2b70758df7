"""Blocks on their way from the store.

- `open_fetching`  Choose how blocks are fetched: by threads from a disk, in one event loop from a bucket.
- `gate`  As many requests under way as the link deserves, in the order of need.
- `concurrency`  The number of requests under way, from their speed. Pure.
"""
