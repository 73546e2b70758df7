"""`relabel`: label maps of the train set (Yun et al., "Re-labeling ImageNet", CVPR 2021).

Format: `relabel_imagenet.tar`, 12 GB, or its extracted folder, has for each image a file
`nXXXXXXXX/nXXXXXXXX_YYYY.pt`, a tensor [2, 5, 15, 15] that `torch.save` wrote. `[0]` has the five largest
scores (logits) of each cell, `[1]` their labels, 0 to 999.
"""

import hashlib
import io
import re
import struct
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.imagenet.devkit import CLASSES
from wds_imagenet.imagenet.stems import released_stem
from wds_imagenet.inputs.file_listing import list_files
from wds_imagenet.inputs.image_files import ignored_notes
from wds_imagenet.inputs.reference import Attachment
from wds_imagenet.inputs.spilled.records import SpilledRecords
from wds_imagenet.inputs.torch_save import load_tensors
from wds_imagenet.labels.annotation import Annotation, Labels
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json

SUFFIX: Final = "relabel.npy"
SHAPE: Final = (2, 5, 15, 15)
_NAME: Final = re.compile(r"(?:.*/)?(n[0-9]{8})/((n[0-9]{8})_[0-9]+)\.pt")
_OFFSET_AND_SIZE: Final = struct.Struct("<QQ")
_MAX_BYTES: Final = 1 << 20


def relabel(url: str, storage_options: StorageOptions = NO_OPTIONS) -> Labels:
    """List ReLabel's label maps: `relabel_imagenet.tar` or its extracted folder, on any store.

    Each image gets the attachment `relabel.npy`, which `label_map` converts during the pack. Only headers
    are read here, so that a plan identifies maps by name, offset and size. Files of other names are ignored
    with a note.

    Costs a listing, or the headers of the archive (25 µs a map), little memory and 100 MB in the temporary
    folder.

    Args:
        url: the archive or the folder.
        storage_options: storage options.

    Raises:
        SourceError: an image has two maps, a map lies in another class's folder, or has more than 1 MiB.
    """
    records = SpilledRecords()
    digest = hashlib.sha256()
    ignored: list[str] = []
    for file in list_files(url, storage_options):
        match = _NAME.fullmatch(file.path)
        if is_ignored(file.path) or match is None:
            ignored.append(file.path)
            continue
        folder, stem, wnid = match.groups()
        where = f"{file.url}: {file.path} at offset {file.offset:,}"
        if folder != wnid:
            raise SourceError(f"{where} is of the class {wnid}, but lies in the folder of {folder}")
        if not 0 < file.size <= _MAX_BYTES:
            raise SourceError(f"{where} has {file.size:,} bytes; a label map has about 10,000")
        if not records.add(stem, _OFFSET_AND_SIZE.pack(file.offset, file.size) + file.url.encode()):
            raise SourceError(f"{where} is a second label map of {stem}")
        digest.update(strict_json.dumps([stem, file.offset, file.size]))
    if not records:
        raise SourceError(f"there are no label maps (nXXXXXXXX/nXXXXXXXX_YYYY.pt) in {url}")

    def find(stem: str) -> Annotation | None:
        value = records.get(released_stem(stem))
        if value is None:
            return None
        offset, size = _OFFSET_AND_SIZE.unpack_from(value)
        attachment = Attachment(
            SUFFIX, value[_OFFSET_AND_SIZE.size :].decode(), offset, size, encoding="torch"
        )
        return Annotation(attachments=(attachment,))

    notes = tuple(ignored_notes(ignored, "files that are not label maps"))
    return Labels(url, find, len(records), suffixes=(SUFFIX,), notes=notes, sha256=digest.hexdigest())


def label_map(data: bytes, where: str) -> bytes:
    """Return a label map as `.npy`: float16 [2, 5, 15, 15], without pickle. Needs PyTorch.

    Guarantees finite scores and, in each cell, five different whole labels 0 to 999. Labels, and scores
    stored as float16, are exact; scores of more bits are rounded.

    Args:
        data: the file that `torch.save` wrote.
        where: the file, for errors.

    Raises:
        SourceError: the file is not a label map.
        MissingExtraError: PyTorch is not installed.
    """
    import numpy as np  # noqa: PLC0415 - a listing needs none

    tensor = load_tensors(data, where)
    shape = tuple(getattr(tensor, "shape", ()))
    if shape != SHAPE or not hasattr(tensor, "numpy"):
        raise SourceError(f"{where} holds {type(tensor).__name__} {list(shape)}, not a tensor {list(SHAPE)}")
    values = tensor.detach().to("cpu").double().numpy()
    labels = values[1]
    if not np.array_equal(labels, np.clip(np.floor(labels), 0, CLASSES - 1)):
        raise SourceError(f"{where}: its labels, at [1], are not whole numbers from 0 to {CLASSES - 1}")
    if (np.diff(np.sort(labels, axis=0), axis=0) == 0).any():
        raise SourceError(f"{where}: a cell has a label twice, at [1]")
    if not (np.abs(values[0]) <= np.finfo(np.float16).max).all():
        raise SourceError(f"{where}: its scores, at [0], are not finite, or too large for float16")
    file = io.BytesIO()
    np.save(file, values.astype(np.float16))
    return file.getvalue()
