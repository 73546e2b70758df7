"""table.

- `grouping`  Rows of a table that mean one image: found, or made into one sample.
- `image_paths`  Where the images lie that a table lists; and that it may point there, and that they are
  there.
- `rows`  The rows of a table: CSV, TSV, JSON Lines or Parquet, gone through as often as is wanted.
- `source`  `table`: a CSV, TSV, JSON Lines or Parquet file that lists images, with whatever is known of them.
"""
