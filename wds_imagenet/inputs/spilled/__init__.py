"""spilled.

- `records`  What is known of a million images: on disk and not in memory, by stem.
- `references`  References on disk: a listing of millions that takes a few bytes of memory an entry.
- `rows`  Rows of many files, brought together by image: on disk, since there are hundreds of millions.
"""
