"""Images: encoded bytes to pixels, to rows of a batch, or to rewritten files. No I/O, and no torch.

Headers, read before an image is decoded:

- `header`  `ImageHeader`: format, size, colours, orientation, completeness.
- `probe`  The header of any supported format, found by its first bytes.
- `jpeg`  A JPEG's marker segments.
- `other_headers`  The headers of PNG, WebP, GIF, BMP and TIFF.
- `exif`  The EXIF and TIFF fields, read and written.

Pixels:

- `decode`  An image into RGB, at a reduced scale where that is enough.
- `pillow`  The images that simplejpeg does not support.
- `cmyk`  CMYK JPEGs, converted to RGB.
- `orientation`  An EXIF orientation, applied to pixels, boxes and sizes.
- `resize`  A box of a picture, resized and turned.
- `scratch`  Memory that a thread decodes into again and again.

Rows of a batch:

- `crop`  The crop of a picture, random or central.
- `render`  A crop, decoded and resized into a row: by the native engine, or by the reference.
- `native_crop`  The contract of a transform that the native engine renders.
- `transforms`  All steps in one call: `RandomResizedCrop`, `ResizeCenterCrop`, `Decode`.
- `label_pooling`  The soft label of a crop, from ReLabel's map of the image.

Files, for the packer:

- `rewrite`  Smaller, repaired and turned files.
- `optimize`  JPEGs with restart markers, at which a decoder can start.

- `native_engine`  The native engine, where it was built. Its C sources are in `native/`, described in
  `native/README.md`; `_native.pyi` and `_resize.pyi` have their types.

This package imports none of its modules: a packer that keeps images as they are needs `probe`, and no NumPy.
"""
