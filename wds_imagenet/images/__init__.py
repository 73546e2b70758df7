"""An encoded image in, pixels or a rewritten image out. No I/O here, and no torch.

header.py       what is known of an image before it is decoded
probe.py        the header that the bytes give, whatever the name says
jpeg.py         a walk over a JPEG's marker segments
containers.py   the headers of PNG, WebP, GIF, BMP and TIFF
exif.py         the few EXIF and TIFF fields that matter
engine.py       the native engine, where it was built
decode.py       pixels, at a reduced scale where that is enough
fallback.py     what simplejpeg cannot decode, through Pillow
crop.py         which part of a picture, drawn or central
orientation.py  where a box lies, and how a picture turns, under EXIF orientation
resize.py       that part, resized and turned
labelmap.py     the soft label of a crop, from ReLabel's map of the image
scratch.py      memory that a thread decodes into again and again
window.py       the part of a picture that becomes a row: by the native engine, or by the reference
transforms.py   all of it in one call: RandomResizedCrop, ResizeCenterCrop, Decode
rewrite.py      smaller or mended files, for the packer
optimize.py     JPEGs that can be entered in the middle
native/         the same in C: windows drawn, regions decoded (baseline.c by itself, region.c with
                libjpeg-turbo), resized; _native.pyi and _resize.pyi have their types

Nothing is imported here: a packer that keeps images as they are needs `probe` and no NumPy.
- `crop`  Which part of a picture is taken: drawn at random, or central.
- `decode`  Encoded image in, pixels out, at a reduced scale where that is enough.
- `exif`  The few EXIF and TIFF fields that matter, read with suspicion.
- `header`  What is known of an image before it is decoded.
- `jpeg`  A walk over a JPEG's marker segments (ITU-T T.81, annex B). The entropy-coded data is not looked at.
- `label_pooling`  The soft label of a crop, pooled from ReLabel's map of the image.
- `native_crop`  A crop described by its region: the contract of transforms for the native engine.
- `native_engine`  The native engine, where it was built.
- `optimize`  JPEGs that can be entered in the middle: the same pixels, bit for bit, in fewer bytes.
- `orientation`  Where a box lies, and how a picture turns, under EXIF orientation.
- `other_headers`  The headers of PNG, WebP, GIF, BMP and TIFF.
- `pillow`  What simplejpeg cannot decode, through Pillow.
- `render`  The part of a stored picture that becomes a row of the batch, and the two ways to make it one.
- `resize`  A part of a picture, resized and turned, written once.
- `rewrite`  Smaller or mended image files, for the packer.
- `scratch`  Memory that a thread decodes into again and again.
- `transforms`  Encoded image in, one row of the batch out.
"""
