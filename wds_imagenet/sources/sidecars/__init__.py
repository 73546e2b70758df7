"""`sidecars`: a tree of images, and their annotations in other files.

- `source`            the function: chooses the fields of label and caption
- `sidecar_files`     annotations in files of the same stem: `cat.cls`, `cat.txt`, `cat.json`
- `checks`            refuses trees whose labels lie elsewhere
- `annotations_json`  annotations of all images in one JSON
"""
