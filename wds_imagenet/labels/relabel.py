"""`relabel`: label maps of the train set (Yun et al., "Re-labeling ImageNet", CVPR 2021).

Format: `relabel_imagenet.tar`, 12 GB, or the folder that came out of it: `nXXXXXXXX/nXXXXXXXX_YYYY.pt` for
each image, a tensor [2, 5, 15, 15] that `torch.save` wrote. `[0]` are the five largest scores (logits) of
each cell, `[1]` the labels that they belong to, 0 to 999.
"""

import hashlib
import io
import re
import struct
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.devkit import CLASSES
from wds_imagenet.imagenet.stems import released_stem
from wds_imagenet.inputs.file_listing import list_files
from wds_imagenet.inputs.image_files import ignored_notes, is_hidden
from wds_imagenet.inputs.reference import Attachment
from wds_imagenet.inputs.spilled.records import SpilledRecords
from wds_imagenet.inputs.torch_save import load_tensors
from wds_imagenet.labels.annotation import Annotation, Labels
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json

SUFFIX: Final = "relabel.npy"
SHAPE: Final = (2, 5, 15, 15)
_NAME: Final = re.compile(r"(?:.*/)?(n[0-9]{8})/((n[0-9]{8})_[0-9]+)\.pt")
_PLACE: Final = struct.Struct("<QQ")
_MAX_BYTES: Final = 1 << 20


def relabel(url: str, storage_options: StorageOptions = NO_OPTIONS) -> Labels:
    """List ReLabel's label maps: `relabel_imagenet.tar`, or the folder that came out of it, on any store.

    Each image gets the attachment `relabel.npy`, which `label_map` makes of what is stored; nothing is
    read but headers, so that a plan knows the maps by their names, places and sizes. Files of other names
    are passed over with a note. Costs a listing, or the headers of the archive (25 µs a map), little memory
    and 100 MB in the temporary folder. Raises `SourceError` for two maps of one image, a map in another
    class's folder, or one of more than 1 MiB.
    """
    records = SpilledRecords()
    digest = hashlib.sha256()
    others: list[str] = []
    for file in list_files(url, storage_options):
        match = _NAME.fullmatch(file.path)
        if is_hidden(file.path) or match is None:
            others.append(file.path)
            continue
        folder, stem, wnid = match.groups()
        where = f"{file.url}: {file.path} at offset {file.offset:,}"
        if folder != wnid:
            raise SourceError(f"{where} is of the class {wnid}, but lies among those of {folder}")
        if not 0 < file.size <= _MAX_BYTES:
            raise SourceError(f"{where} has {file.size:,} bytes; a label map has about 10,000")
        if not records.add(stem, _PLACE.pack(file.offset, file.size) + file.url.encode()):
            raise SourceError(f"{where} is a second label map of {stem}")
        digest.update(strict_json.dumps([stem, file.offset, file.size]))
    if not records:
        raise SourceError(f"there are no label maps (nXXXXXXXX/nXXXXXXXX_YYYY.pt) in {url}")

    def find(stem: str) -> Annotation | None:
        value = records.get(released_stem(stem))
        if value is None:
            return None
        offset, size = _PLACE.unpack_from(value)
        place = Attachment(SUFFIX, value[_PLACE.size :].decode(), offset, size, encoding="torch")
        return Annotation(attachments=(place,))

    notes = tuple(ignored_notes(others, "files that are no label maps"))
    return Labels(url, find, len(records), suffixes=(SUFFIX,), notes=notes, sha256=digest.hexdigest())


def label_map(data: bytes, where: str) -> bytes:
    """Return the `.npy` of a label map that `torch.save` wrote: float16 [2, 5, 15, 15], no pickle.

    Guarantees finite scores and, in each cell, five different whole labels 0 to 999; these, like scores
    stored as float16, are kept exactly. Scores of more bits are rounded. `where` names the file in
    `SourceError`. Needs PyTorch.
    """
    import numpy as np  # noqa: PLC0415 - whoever only lists needs none

    tensor = load_tensors(data, where)
    shape = tuple(getattr(tensor, "shape", ()))
    if shape != SHAPE or not hasattr(tensor, "numpy"):
        raise SourceError(f"{where} holds {type(tensor).__name__} {list(shape)}, not a tensor {list(SHAPE)}")
    values = tensor.detach().to("cpu").double().numpy()
    labels = values[1]
    if not np.array_equal(labels, np.clip(np.floor(labels), 0, CLASSES - 1)):
        raise SourceError(f"{where}: its labels, at [1], are not whole numbers from 0 to {CLASSES - 1}")
    if (np.diff(np.sort(labels, axis=0), axis=0) == 0).any():
        raise SourceError(f"{where}: a cell names a label twice, at [1]")
    if not (np.abs(values[0]) <= np.finfo(np.float16).max).all():
        raise SourceError(f"{where}: its scores, at [0], are not finite, or too large for float16")
    file = io.BytesIO()
    np.save(file, values.astype(np.float16))
    return file.getvalue()
