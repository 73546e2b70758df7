"""Archives of images, and the files in them, read without unpacking to disk.

- `tar_listing`  tars, and tars of tars, listed by their headers
- `gzip_tar`     gzipped tars, read once from beginning to end
- `gzip_images`  images in a gzipped tar
"""
