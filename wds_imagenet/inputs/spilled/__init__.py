"""Temporary data on disk, for listings and labels that do not fit in memory.

- `references`  a sequence of references, sorted or not
- `records`     bytes by stem: the annotation of each image of a label file
- `rows`        rows of many files, grouped by image
"""
