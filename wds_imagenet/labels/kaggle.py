"""`kaggle`: the labels and boxes of Kaggle's ImageNet Object Localization Challenge.

Format: `LOC_train_solution.csv` (the images with boxes) and `LOC_val_solution.csv`, a header
`ImageId,PredictionString` and rows in no order; a prediction is `wnid xmin ymin xmax ymax` once for each
box, with a space at its end.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Annotated, Any, Final

from wds_imagenet import strict_json
from wds_imagenet.errors import SourceError
from wds_imagenet.labels.annotation import Annotation, Labels
from wds_imagenet.labels.box import describe, normalise, pixel
from wds_imagenet.labels.classes import read_classes
from wds_imagenet.labels.devkit import CLASSES, WNID
from wds_imagenet.labels.files import Options
from wds_imagenet.labels.pieces import read_lines
from wds_imagenet.labels.records import Records
from wds_imagenet.labels.stems import released_stem
from wds_imagenet.sample import make_key
from wds_imagenet.sources.reference import Kind, Metadata

_HEADER: Final = ["ImageId", "PredictionString"]
_FIELDS: Final[dict[str, Kind]] = {"wnid": "text", "boxes": "list"}
_BOX: Final = 5


def kaggle(
    url: str,
    *,
    synsets: Annotated[str | None, "LOC_synset_mapping.txt, which tells the labels"] = None,
    **storage_options: object,
) -> Labels:
    """Read `LOC_train_solution.csv` or `LOC_val_solution.csv` of Kaggle's challenge, plain or zipped.

    Metadata: `wnid`, and `boxes` as of the label source `boxes`, but without the size of the image, so
    that boxes are not cut at its edge. With `synsets` also the label, the place of the WNID among the
    thousand sorted ones (the class number of Kaggle's submissions is one more). Costs about 25 µs an
    image, little memory and 150 MB in the temporary folder. Raises `SourceError` that names the line: a
    header of other columns, an image twice, boxes of several classes or in no fives.
    """
    classes = () if synsets is None else read_synsets(synsets, **storage_options)
    label_of = {info["wnid"]: label for label, info in enumerate(classes)}
    records = Records()
    counts: Counter[str] = Counter()
    for where, row in _rows(url, storage_options):
        try:
            stem, wnid, found = _understand(row, counts)
        except ValueError as error:
            raise SourceError(f"{where}: {error}") from error
        if label_of and wnid not in label_of:
            raise SourceError(f"{where}: the class {wnid} is not in {synsets}")
        if not records.add(stem, strict_json.dumps({"wnid": wnid, "boxes": found})):
            raise SourceError(f"{where}: {stem} is listed before")
    if not records:
        raise SourceError(f"{url} lists no images")

    def find(stem: str) -> Annotation | None:
        value = records.get(released_stem(stem))
        if value is None:
            return None
        metadata = strict_json.loads(value, max_bytes=len(value))
        return Annotation(label=label_of.get(metadata["wnid"]), metadata=metadata)

    notes = tuple(f"{count:,} boxes {what}" for what, count in counts.items())
    return Labels(
        url, find, len(records), labelled=bool(classes), fields=_FIELDS, classes=classes, notes=notes
    )


def read_synsets(url: str, **storage_options: object) -> tuple[Metadata, ...]:
    """Return the classes of `LOC_synset_mapping.txt` by label: `name` and `wnid`.

    Guarantees a thousand WNIDs in sorted order, so that the place is the label. Raises `SourceError`.
    """
    listed = read_classes(url, **storage_options)
    wnids = [info.get("wnid", "") for info in listed.classes]
    if len(wnids) != CLASSES or wnids != sorted(wnids) or not all(wnids):
        raise SourceError(f"{url} is no LOC_synset_mapping.txt: that has 1,000 WNIDs in sorted order")
    return listed.classes


def parse_prediction(text: str) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Return the WNIDs and corners of a prediction string, as written, or raise `ValueError`."""
    words = text.split()
    if not words or len(words) % _BOX:
        raise ValueError(f"{len(words)} values, where each box has five: {text!r:.80}")
    found = []
    for at in range(0, len(words), _BOX):
        wnid, *corners = words[at : at + _BOX]
        if not WNID.fullmatch(wnid):
            raise ValueError(f"{wnid!r:.40} is no WNID")
        xmin, ymin, xmax, ymax = map(pixel, corners)
        found.append((wnid, (xmin, ymin, xmax, ymax)))
    return found


def _rows(url: str, options: Options) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows behind the header, each with where it stands."""
    line = 1
    with closing(read_lines(url, options, ".csv")) as lines:
        reader = csv.reader(lines, strict=True)
        try:
            header = [cell.strip() for cell in next(reader, [])]
            line = reader.line_num + 1
            for row in reader:
                if header != _HEADER:
                    break
                if row:
                    yield f"{url}, line {line:,}", row
                line = reader.line_num + 1
        except csv.Error as error:
            raise SourceError(f"{url}, line {line:,} is not CSV as it should be: {error}") from error
    if header != _HEADER:
        raise SourceError(f"{url}, line 1: its header is {','.join(header)!r:.80}, not {','.join(_HEADER)}")


def _understand(row: list[str], counts: Counter[str]) -> tuple[str, str, list[dict[str, Any]]]:
    if len(row) != len(_HEADER):
        raise ValueError(f"it has {len(row)} cells, not {len(_HEADER)}")
    stem = row[0].strip()
    if not stem or make_key(f"{stem}.JPEG") != stem:
        raise ValueError(f"{stem!r:.60} is no ImageId (a name without .JPEG)")
    predicted = parse_prediction(row[1])
    wnids = {wnid for wnid, _ in predicted}
    if len(wnids) != 1:
        raise ValueError(f"{stem} has boxes of several classes: {', '.join(sorted(wnids)):.60}")
    found = []
    for wnid, written in predicted:
        corners, odd = normalise(written)
        counts.update(odd)
        if corners is not None:
            found.append(describe(wnid, corners))
    return stem, predicted[0][0], found
