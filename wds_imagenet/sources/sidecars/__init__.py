"""sidecars.

- `annotations_json`  One JSON of all images' captions and labels: its entries, each joined to its image by
  name.
- `sidecar_files`  Files beside images: `cat.cls`, `cat.txt` and `cat.json` belong to `cat.jpg`.
- `source`  `sidecars`: any tree of images, with what is known of each in files beside it or in one JSON.
"""
