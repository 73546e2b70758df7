"""`table`: a CSV, TSV, JSON Lines or Parquet file that lists images.

- `source`       the function: chooses the columns, and makes a reference of each row
- `rows`         reads the rows of any of these formats
- `image_paths`  resolves the cells that name images
- `grouping`     rejects or joins the rows that name one image
"""
