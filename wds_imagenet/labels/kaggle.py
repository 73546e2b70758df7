"""`kaggle`: the labels and boxes of Kaggle's ImageNet Object Localization Challenge.

Format: `LOC_train_solution.csv` (only images with boxes) and `LOC_val_solution.csv` have the columns
`ImageId` and `PredictionString`, and rows in no order. A prediction is `wnid xmin ymin xmax ymax` for each
box, with a space at the end.
"""

import hashlib
from collections import Counter
from contextlib import closing
from typing import Annotated, Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.box import box_metadata, normalise_box
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.imagenet.devkit import CLASSES
from wds_imagenet.imagenet.kaggle_csv import KaggleRow, parse_solution
from wds_imagenet.imagenet.stems import released_stem
from wds_imagenet.inputs.large_files import read_lines
from wds_imagenet.inputs.reference import Kind, Metadata
from wds_imagenet.inputs.spilled.records import SpilledRecords
from wds_imagenet.labels.annotation import Annotation, Labels
from wds_imagenet.sample import make_key
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import quantity

_FIELDS: Final[dict[str, Kind]] = {"wnid": "text", "boxes": "list"}


def kaggle(
    url: str,
    *,
    synsets: Annotated[str | None, "LOC_synset_mapping.txt, for the labels"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Labels:
    """Read `LOC_train_solution.csv` or `LOC_val_solution.csv` of Kaggle's challenge, plain or zipped.

    Metadata: `wnid`, and `boxes` as by the label source `boxes`, but not cut at the edge of the image, whose
    size the file lacks. With `synsets` also the label, the position of the WNID among the sorted thousand.
    (The class number of Kaggle's submissions is the label plus 1.)

    Costs about 25 µs an image, little memory and 150 MB in the temporary folder.

    Args:
        url: the CSV, plain or compressed.
        synsets: `LOC_synset_mapping.txt`; None for boxes without labels.
        storage_options: storage options.

    Raises:
        SourceError: the header has other columns, an image is listed twice, or a row has boxes of several
            classes or an incomplete box; the message gives the line.
    """
    classes = () if synsets is None else read_synsets(synsets, storage_options=storage_options)
    label_of = {info["wnid"]: label for label, info in enumerate(classes)}
    records = SpilledRecords()
    counts: Counter[str] = Counter()
    with closing(read_lines(url, storage_options, ".csv")) as lines:
        for row in parse_solution(lines, url):
            if not row.image or make_key(f"{row.image}.JPEG") != row.image:
                raise SourceError(f"{row.where}: {row.image!r:.60} is not an ImageId (a name without .JPEG)")
            if label_of and row.wnid not in label_of:
                raise SourceError(f"{row.where}: the class {row.wnid} is not in {synsets}")
            record = {"wnid": row.wnid, "boxes": _boxes(row, counts)}
            if not records.add(row.image, strict_json.dumps(record)):
                raise SourceError(f"{row.where}: {row.image} is listed twice")

    def find(stem: str) -> Annotation | None:
        value = records.get(released_stem(stem))
        if value is None:
            return None
        metadata = strict_json.loads(value, max_bytes=len(value))
        return Annotation(label=label_of.get(metadata["wnid"]), metadata=metadata)

    notes = tuple(quantity(count, f"boxes {repair}") for repair, count in counts.items())
    return Labels(
        url,
        find,
        len(records),
        labelled=bool(classes),
        fields=_FIELDS,
        classes=classes,
        notes=notes,
        sha256=hashlib.sha256(strict_json.dumps([records.sha256, label_of])).hexdigest(),
    )


def read_synsets(url: str, storage_options: StorageOptions = NO_OPTIONS) -> tuple[Metadata, ...]:
    """Return the classes of `LOC_synset_mapping.txt` by label: `name` and `wnid`.

    Guarantees a thousand WNIDs in sorted order, so that a position is the label. Raises `SourceError`
    otherwise.
    """
    listed = read_classes(url, storage_options=storage_options)
    wnids = [info.get("wnid", "") for info in listed.classes]
    if len(wnids) != CLASSES or wnids != sorted(wnids) or not all(wnids):
        raise SourceError(f"{url} is not a LOC_synset_mapping.txt, which has 1,000 WNIDs in sorted order")
    return listed.classes


def _boxes(row: KaggleRow, counts: Counter[str]) -> list[dict[str, Any]]:
    found = []
    for written in row.boxes:
        corners, repairs = normalise_box(written)
        counts.update(repairs)
        if corners is not None:
            found.append(box_metadata(row.wnid, corners))
    return found
