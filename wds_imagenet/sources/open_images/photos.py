"""The photos of Open Images: their rows from all files merged, and photos that some file lacks reported."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.spilled.rows import SpilledRow, SpilledRows
from wds_imagenet.sources.open_images.annotations import BOX_FIELDS, LABEL_FIELDS, AnnotationReader
from wds_imagenet.sources.open_images.photo_csv import PHOTO
from wds_imagenet.sources.open_images.photo_ids import id_of
from wds_imagenet.sources.open_images.rotation import rotate_fields
from wds_imagenet.util.messages import quantity

FILE: Final = 0
"""The kind of an image file's row: `integer` is its offset, `real` its size, `text` URL and path as JSON."""


class Photo(NamedTuple):
    """One photo."""

    id: str
    file: SpilledRow | None
    """The row of the image file; None if the files are not listed."""
    where: str
    """The line, or the file, that lists the photo."""
    fields: dict[str, Any]
    """The fields of its JSON."""
    rotation: int
    """The degrees, counter-clockwise, by which the packer rotates the photo."""


@dataclass(slots=True)
class PhotoMerger:
    """Merges the rows of each photo, and counts for the notes."""

    annotations: AnnotationReader
    csv_locations: Sequence[str]
    """The locations of the CSVs, by the number in their rows."""
    with_labels: bool
    """True if CSVs of labels are given: then every photo has the fields of labels."""
    with_boxes: bool
    """True if CSVs of boxes are given: then every photo has the field of boxes."""
    with_csv: bool
    """True if an image CSV is given: then it must list every photo."""
    with_files: bool
    """True if the image files are listed: then every photo must have one."""
    skip_missing: bool
    """True if photos that some file lacks are skipped, instead of an error."""
    rotate: bool
    """True if the packer rotates photos, and their boxes are rotated here."""
    defaults: dict[str, Any] = field(default_factory=dict)
    """The fields that all image CSVs give, with the value for photos whose own CSV lacks one."""
    counts: Counter[str] = field(default_factory=Counter)
    splits: set[str] = field(default_factory=set)

    def merge(self, rows: SpilledRows) -> Iterator[Photo]:
        """Yield the photos by id.

        Raises:
            SourceError: a photo is listed twice, or some file lacks it and it is not skipped; the message
                names file and line.
        """
        for number, photo_rows in rows.images():
            files = [row for row in photo_rows if row.kind == FILE]
            listed = [row for row in photo_rows if row.kind == PHOTO]
            self._check_single(number, files)
            self._check_single(number, listed)
            if listed and not listed[0].integer:
                self.counts["images were ignored for being of another split"] += 1
                continue
            fault = self._fault(has_file=bool(files), in_csv=bool(listed))
            if fault is not None:
                first = next((row for row in photo_rows if row.kind == PHOTO), photo_rows[-1])
                self.skip_or_raise(f"{self.location(first)}: {id_of(number)} {fault}", fault)
                continue
            csv_fields = json.loads(listed[0].text) if listed else {}
            fields = {**self.defaults, **csv_fields, **self.annotation_fields(photo_rows)}
            fields, rotation = rotate_fields(fields) if self.rotate else (fields, 0)
            self._count(fields, rotation)
            where = self.location((listed or photo_rows)[0])
            yield Photo(id_of(number), files[0] if files else None, where, fields, rotation)

    def annotation_fields(self, rows: Sequence[SpilledRow]) -> dict[str, Any]:
        """Return the JSON fields of a photo's labels and boxes."""
        return self.annotations.fields_of(rows, labels=self.with_labels, boxes=self.with_boxes)

    @property
    def split(self) -> str | None:
        """The split of all photos, None if there are several or none."""
        return next(iter(self.splits)) or None if len(self.splits) == 1 else None

    def skip_or_raise(self, message: str, fault: str) -> None:
        """Count a photo as skipped; raise `SourceError` with the message if such photos are not skipped."""
        if not self.skip_missing:
            raise SourceError(f"{message}: leave such images out with option missing='skip'")
        self.counts[f"images were left out: each {fault}"] += 1

    def location(self, row: SpilledRow) -> str:
        """Return the location of a row, for errors."""
        if row.kind == FILE:
            url, path = json.loads(row.text)
            return str(url if url.endswith(path) else f"{url}, {path}")
        return f"{self.csv_locations[row.file]}, line {row.line:,}"

    def notes(self) -> tuple[str, ...]:
        """Return a note for each count, once all photos have been yielded."""
        left_out = self.annotations.left_out
        classes = (f"labels and boxes left out, since their classes are not in the class list: {left_out:,}",)
        counts = tuple(quantity(count, what) for what, count in self.counts.items())
        return counts + classes * (left_out > 0)

    def _fault(self, *, has_file: bool, in_csv: bool) -> str | None:
        if self.with_csv and not in_csv:
            return "is not in the CSV of the images"
        if self.with_files and not has_file:
            return "has no file among the images"
        return None

    def _check_single(self, number: int, rows: Sequence[SpilledRow]) -> None:
        if len(rows) > 1:
            one, other = self.location(rows[0]), self.location(rows[1])
            raise SourceError(f"{other}: the image {id_of(number)} is listed a second time, after {one}")

    def _count(self, fields: dict[str, Any], rotation: int) -> None:
        for name in (*LABEL_FIELDS, *BOX_FIELDS):
            if name in fields:
                self.counts[f"labels in {name}" if name in LABEL_FIELDS else name] += len(fields[name])
        if self.with_labels and not any(fields[name] for name in LABEL_FIELDS):
            self.counts["images have no label"] += 1
        if rotation:
            self.counts["images are rotated, with their boxes"] += 1
        if fields.get("rotation"):
            self.counts["images have a rotation, which is recorded and not applied"] += 1
        self.splits.add(fields.get("subset", ""))
