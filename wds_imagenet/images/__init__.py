"""An encoded image in, pixels or a rewritten image out. No I/O here, and no torch.

header.py       what is known of an image before it is decoded
probe.py        the header that the bytes give, whatever the name says
jpeg.py         a walk over a JPEG's marker segments
containers.py   the headers of PNG, WebP, GIF, BMP and TIFF
exif.py         the few EXIF and TIFF fields that matter
decode.py       pixels, at a reduced scale where that is enough
fallback.py     what simplejpeg cannot decode, through Pillow
crop.py         which part of a picture, drawn or central
orientation.py  where a box lies, and how a picture turns, under EXIF orientation
resize.py       that part, resized and turned
scratch.py      memory that a thread decodes into again and again
scratch.py      memory that a thread decodes into again and again
transforms.py   all of it in one call: RandomResizedCrop, ResizeCenterCrop, Decode
rewrite.py      smaller or mended files, for the packer
native/         the resize in C; _resize.pyi has its type

Nothing is imported here: a packer that keeps images as they are needs `probe` and no NumPy.
"""
