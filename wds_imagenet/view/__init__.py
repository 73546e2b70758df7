"""Show a data set in a browser: a small server for this machine, or one page in a file.

From the data set to values:

- `item_reader`    samples by index or by class, with a cache of blocks
- `overview`       a summary of a random part of the samples
- `dataset_info`   the facts that the manifest records, without reading a sample
- `class_table`    the class table, and the search in it
- `item`           one sample with everything that its page shows
- `shown_boxes`    the boxes of a sample, in the coordinates of the shown picture
- `tags`           the labels of a sample as tags
- `histogram`      counts of numbers in bars
- `thumbnail`      a small JPEG of an image

From values to pages:

- `pages`          HTML from the files in `templates/`; the only file that imports Jinja
- `single_page`    the whole view in one self-contained page
- `request`        the path and query of an address
- `gallery`        the response to each address
- `server`         the gallery over HTTP, on this machine alone
"""
