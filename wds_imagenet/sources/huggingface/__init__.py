"""huggingface.

- `features`  Features: what Hugging Face writes of a table's columns, and which is used for what. Pure.
- `row_check`  A look at all rows of Parquet files before the first image: labels, gaps, and whether keys
  are unique.
- `source`  `huggingface`: Parquet files with a column of images, as ImageNet-1k is published there.
"""
