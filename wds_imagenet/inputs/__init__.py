"""Reading other people's files, whatever their meaning: archives, tables, JSON and images in folders.

No file is unpacked to disk, and no code in a file is run. Memory is bounded by a few MiB, unless a docstring
states more. Code for a file format is here; code for a data set is in `imagenet` and `sources`.

The result of a source:

- `reference`  one image: location, key, label and metadata, without its bytes
- `listing`    a whole data set as references
- `stream`     a data set that can be read only from beginning to end
- `spilled`    references, records and rows on disk, where they do not fit in memory

Files and archives:

- `file_listing`     the files of a folder or a tar archive
- `split_files`      the files of a data set or of one split, by folder or pattern
- `shards`           WebDataset shards of any program, sample by sample
- `archives`         tars, plain or compressed, and the files in them
- `windowed_reader`  small reads of an object in rising order, with few requests
- `compression`    gzip, xz, bzip2 and zip, by the first bytes
- `small_files`      small files, read whole
- `large_files`      large files, read chunk by chunk

File formats:

- `csv_files`    CSV, row by row
- `json_stream`  a large JSON array or object, entry by entry
- `json_types`   the JSON types of metadata fields
- `parquet`      Parquet tables
- `mat`          MATLAB's MAT-files
- `torch_save`   files of `torch.save`

Images:

- `image_files`  images among the listed files, and notes on ignored files
- `companions`   tables, lists and licences beside the images
- `keys`         keys made from file names, unique in a data set
- `label_range`  numbers that are too far apart for labels
"""
