"""`huggingface`: Parquet files with a column of images.

- `source`     the function: streams the rows
- `features`   chooses the columns, by Hugging Face's features in the schema
- `row_check`  reads the small columns of all rows before the first image: labels, gaps, and keys
"""
