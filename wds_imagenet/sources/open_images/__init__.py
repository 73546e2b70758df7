"""`open_images`: Open Images V1 to V7, from files or from the web.

- `source`       the function: reads all files, and lists or streams the photos
- `csv_inputs`   opens the CSVs that the user gives
- `photo_ids`    the ids and splits of photos
- `photo_csv`    the rows of the image CSV
- `annotations`  the rows of labels and boxes
- `image_files`  the image files: single, in tars, or in gzipped tars
- `photos`       merges the rows of each photo, and reports photos that some file lacks
- `rotation`     rotates the boxes of a photo
"""
