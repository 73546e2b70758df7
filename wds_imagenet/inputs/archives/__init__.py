"""Archives of images, and the files in them, read without unpacking to disk.

- `tar_listing`        tars, and tars of tars, listed by their headers
- `compressed_tar`     tars compressed by gzip, xz or bzip2, read once from beginning to end
- `compressed_images`  images in a compressed tar
"""
