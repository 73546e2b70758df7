"""A data set as its manifest tells of it, and its classes. Pure, and no sample is read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wds_imagenet.format.manifest import Manifest, Shard
from wds_imagenet.view.tags import Classes


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class: its label, how many samples it has, and what else the class table says."""

    label: int
    samples: int | None
    """None where the data set does not count them, since an image has many labels."""
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassTable:
    """All classes by label, with what they are called in every language that the data set has."""

    columns: tuple[str, ...]
    """Such as name, wnid, name_zh: whatever the class table has."""
    rows: tuple[ClassRow, ...]

    @property
    def largest(self) -> int:
        """The samples of the class that has most; 0 where they are not counted."""
        return max((row.samples or 0 for row in self.rows), default=0)

    def search(self, words: str) -> tuple[ClassRow, ...]:
        """Return the classes in whose cells the words occur, in any case, or whose label they are."""
        wanted = words.casefold().strip()
        return tuple(
            row
            for row in self.rows
            if str(row.label) == wanted or any(wanted in cell.casefold() for cell in row.cells)
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a data set without reading a sample."""

    url: str
    name: str
    split: str
    fingerprint: str
    samples: int
    size: int
    """In bytes."""
    blocks: int
    suffixes: tuple[str, ...]
    shards: tuple[Shard, ...]
    layers: tuple[str, ...]
    """Those whose labels are shown."""
    other_layers: tuple[str, ...]
    """Those that lie beside them."""
    classes: ClassTable


def facts_of(
    url: str, manifest: Manifest, classes: Classes, layers: Sequence[str], there: Sequence[str]
) -> Facts:
    """Return the facts of a data set, of which these layers are shown and those are there."""
    return Facts(
        url=url,
        name=manifest.name,
        split=manifest.split,
        fingerprint=manifest.fingerprint,
        samples=manifest.samples,
        size=manifest.size,
        blocks=sum(len(shard.blocks) for shard in manifest.shards),
        suffixes=manifest.suffixes,
        shards=manifest.shards,
        layers=tuple(layers),
        other_layers=tuple(name for name in there if name not in layers),
        classes=class_table(classes),
    )


def class_table(classes: Classes) -> ClassTable:
    """Return the class table, a column for each name that any class has."""
    columns = tuple(dict.fromkeys(name for item in classes for name in item if name != "samples"))
    rows = [
        ClassRow(label, item.get("samples"), tuple(_cell(item.get(name)) for name in columns))
        for label, item in enumerate(classes)
    ]
    return ClassTable(columns, tuple(rows))


def _cell(value: object) -> str:
    return ", ".join(_words(value))


def _words(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _words(one)
    elif value is not None:
        yield str(value)
