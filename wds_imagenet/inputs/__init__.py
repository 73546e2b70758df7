"""inputs.

- `csv_files`  Large CSV files, row by row: plain or gzipped, alone, in a folder or in a tar, on any store.
- `duplicates`  Which of many values occur more than once, without a set of them all.
- `file_listing`  The files of an input, whatever it is: a folder or an archive, on any store.
- `gzip_tar`  Gzipped tars, read once from their beginning to their end: no file is ever unpacked.
- `image_files`  Which of the listed files are images, and the keys that they get.
- `json_stream`  A large JSON array or object, entry by entry: what is held is the entry and a few MiB
  around it.
- `json_types`  The JSON types of fields, told from all values that there are. Pure.
- `large_files`  A large label file, piece by piece: plain, gzipped or the only such file in a zip, on any
  store.
- `mat`  MAT-files of level 5, as far as the ILSVRC devkits use them: structs of numbers and strings.
- `parquet`  Parquet tables, by PyArrow: imported here alone, and only when one is read.
- `reference`  What a source yields: where each image's bytes lie and what is known of it, without reading it.
- `small_files`  Small files, wherever they lie: alone, in a folder, in a tar or in a gzipped tar, on any
  store.
- `split_files`  The files that a data set is split into: all of a folder, or those that a pattern names.
- `streamed_images`  A gzipped archive as a stream: what it is, and its images one after the other.
- `tar_listing`  Tar archives, and tars of tars, listed in place by their headers: nothing is unpacked.
- `torch_save`  What `torch.save` wrote, read without running anything that is in it.
- `windowed_reader`  Small reads in rising order, such as those of an archive's headers: cheap here, few
  elsewhere.
- `spilled`  a folder of its own
"""
