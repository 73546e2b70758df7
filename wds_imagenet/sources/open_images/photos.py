"""All that is known of each photograph, brought together; and what is not in every file said."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.spilled.rows import SpilledRow, SpilledRows
from wds_imagenet.sources.open_images.annotations import BOX_FIELDS, LABEL_FIELDS, Verdicts
from wds_imagenet.sources.open_images.photo_ids import IMAGE, id_of
from wds_imagenet.sources.open_images.rotation import turned
from wds_imagenet.util.messages import quantity

FILE: Final = 0
"""The kind of a file's row: `first` is its offset, `second` its size, `text` its URL and path as JSON."""


class Photograph(NamedTuple):
    """One image."""

    id: str
    file: SpilledRow | None
    where: str
    """The line, or the file, that says that it is there."""
    known: dict[str, Any]
    """The fields of its JSON."""
    turn: int
    """By how many degrees it is to be turned."""


@dataclass(slots=True)
class Gathering:
    """What is expected of every image, and what was met."""

    verdicts: Verdicts
    labels: bool
    boxes: bool
    listed: bool
    """Whether a CSV of the images was given: then each must be in it."""
    present: bool
    """Whether the files are known: then each must be there."""
    skip: bool
    """Whether an image that one file lists and another lacks is left out, and not an error."""
    turns: bool
    """Whether images are turned as their rotation says, and their boxes with them."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Those that the CSVs of the images give, with what an image has where its own CSV lacks one."""
    sheets: list[str] = field(default_factory=list)
    """Of the rows' files, where they lie."""
    counts: Counter[str] = field(default_factory=Counter)
    splits: set[str] = field(default_factory=set)

    def images(self, ledger: SpilledRows) -> Iterator[Photograph]:
        """Yield the images by their ids. Raises `SourceError` that names file and line."""
        for number, rows in ledger.images():
            files = [row for row in rows if row.kind == FILE]
            images = [row for row in rows if row.kind == IMAGE]
            self._check_alone(number, files)
            self._check_alone(number, images)
            if images and not images[0].integer:
                self.counts["images were passed over, as of another split"] += 1
                continue
            problem = self._problem(bool(files), bool(images))
            if problem is not None:
                first = next((row for row in rows if row.kind == IMAGE), rows[-1])
                self.differ(f"{self.where(first)}: {id_of(number)} {problem}", problem)
                continue
            known = {**self.fields, **(json.loads(images[0].text) if images else {}), **self.seen_in(rows)}
            known, turn = turned(known) if self.turns else (known, 0)
            self._count(known, turn)
            where = self.where((images or rows)[0])
            yield Photograph(id_of(number), files[0] if files else None, where, known, turn)

    def seen_in(self, rows: Sequence[SpilledRow]) -> dict[str, Any]:
        """Return the labels and boxes of an image, as its JSON has them."""
        return self.verdicts.of_image(rows, labels=self.labels, boxes=self.boxes)

    @property
    def split(self) -> str | None:
        """The split that all images are of, where there is one."""
        return next(iter(self.splits)) or None if len(self.splits) == 1 else None

    def differ(self, message: str, problem: str) -> None:
        """Count an image that is left out, or raise `SourceError`, as it was chosen."""
        if not self.skip:
            raise SourceError(f"{message}; with option missing='skip' such images are left out")
        self.counts[f"images were left out: each {problem}"] += 1

    def where(self, row: SpilledRow) -> str:
        """Say where a row stands."""
        if row.kind == FILE:
            url, path = json.loads(row.text)
            return str(url if url.endswith(path) else f"{url}, {path}")
        return f"{self.sheets[row.file]}, line {row.line:,}"

    def notes(self) -> tuple[str, ...]:
        """Say what a person ought to hear, once all images have been yielded."""
        left_out = self.verdicts.left_out
        classes = (f"labels and boxes left out, since their classes are not in the class list: {left_out:,}",)
        counts = tuple(quantity(count, what) for what, count in self.counts.items())
        return counts + classes * (left_out > 0)

    def _problem(self, there: bool, listed: bool) -> str | None:  # noqa: FBT001 - they are what it is about
        if self.listed and not listed:
            return "is not in the CSV of the images"
        if self.present and not there:
            return "has no file among the images"
        return None

    def _check_alone(self, number: int, rows: Sequence[SpilledRow]) -> None:
        if len(rows) > 1:
            one, other = self.where(rows[0]), self.where(rows[1])
            raise SourceError(f"{other}: the image {id_of(number)} is there a second time; first at {one}")

    def _count(self, known: dict[str, Any], turn: int) -> None:
        for name in (*LABEL_FIELDS, *BOX_FIELDS):
            if name in known:
                self.counts[f"labels in {name}" if name in LABEL_FIELDS else name] += len(known[name])
        if self.labels and not any(known[name] for name in LABEL_FIELDS):
            self.counts["images have no label"] += 1
        if turn:
            self.counts["images are turned, boxes and all"] += 1
        if known.get("rotation"):
            self.counts["images are to be turned: the rotation is recorded, and not applied"] += 1
        self.splits.add(known.get("subset", ""))
