"""`sidecars`: a tree of images, and their annotations in other files.

- `source`            the function: chooses the fields of label and caption
- `sidecar_files`     annotations in files of the same stem: `cat.cls`, `cat.txt`, `cat.json`
- `annotations_json`  annotations of all images in one JSON
"""
