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
"""
