"""The label files that a user names, opened and ready to be joined to images."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import get_args

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata
from wds_imagenet.inputs.small_files import find_file
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.labels.annotation import Labels
from wds_imagenet.labels.registry import LABELS
from wds_imagenet.packing.plan.label_join import LabelJoin, Unmatched, join_listing, join_stream
from wds_imagenet.packing.plan.source_urls import plain
from wds_imagenet.sources.source_options import options_of
from wds_imagenet.storage.store import StorageOptions


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """The label files of a data set or layer, and the treatment of images that a file does not have."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """URLs of label files, by the name of the label source."""
    captions: str | None = None
    """URL of a file of captions."""
    label_options: Mapping[str, str] = field(default_factory=dict)
    """Options of label sources, by source and option: `kaggle.synsets`, `captions.template`."""
    class_names: Mapping[str, str] = field(default_factory=dict)
    """URLs of files of class names, by language, such as `fr`."""
    without_label: Unmatched | None = None
    without_caption: Unmatched = "keep"

    def __post_init__(self) -> None:
        for name, value in (("without_label", self.without_label), ("without_caption", self.without_caption)):
            if value is not None and value not in get_args(Unmatched):
                raise UsageError(f"option '{name}' is one of {', '.join(get_args(Unmatched))}, not {value!r}")
        if self.captions is not None and "captions" in self.labels:
            raise UsageError("there are two files of captions: leave one out")
        if self.captions is None and self.without_caption != "keep":
            raise UsageError("option 'without_caption' needs a file of captions: option 'captions'")
        given = {*self.labels, *["captions"] * bool(self.captions), *["names"] * bool(self.class_names)}
        for name in given:
            if name not in LABELS:
                raise UsageError(f"there is no label source {name!r}, only {', '.join(LABELS)}")
        for name in self.label_options:
            source, _, option = name.partition(".")
            if source not in given:
                raise UsageError(f"the option {name!r} belongs to no label file that is given")
            known = [item.name for item in options_of(LABELS[source])]
            if option not in known:
                raise UsageError(f"the label source {source!r} has no option {option!r}, only {known}")

    def with_devkit(self, devkit: str | None) -> "LabelOptions":
        """Return the options with the devkit of the source for class names, unless they have their own."""
        named = bool(self.class_names) or "names" in self.labels
        if devkit is None or not named or "names.devkit" in self.label_options:
            return self
        return replace(self, label_options={**self.label_options, "names.devkit": devkit})

    def of_source(self, source: str) -> dict[str, str]:
        """Return the options of one label source."""
        parts = ((name.partition("."), value) for name, value in self.label_options.items())
        return {option: value for (of, _, option), value in parts if of == source}


@dataclass(frozen=True, slots=True)
class OpenedLabels:
    """Label files that were read."""

    joins: Mapping[str, LabelJoin]
    """Files that annotate images, by the name of the label source."""
    tables: Mapping[str, Labels]
    """Files that describe only classes, by the label source and the language, if one was given."""

    @property
    def labelled(self) -> bool:
        """True if a file gives labels."""
        return any(item.labels.labelled for item in self.joins.values())

    @property
    def classes(self) -> tuple[Metadata, ...]:
        """The fields of each class in the tables, by label.

        Raises:
            SourceError: two tables have different numbers of classes, or contradict each other.
        """
        first = next(iter(self.tables.values()), None)
        return _merged(tuple({} for _ in first.classes), self.tables.values()) if first else ()

    def annotate(self, found: Listing | Stream) -> Listing | Stream:
        """Return a listing or stream with the files' annotations. Raises `SourceError`, as `join_listing`."""
        if isinstance(found, Listing):
            return self.annotate_listing(found)
        stream = join_stream(found, list(self.joins.values()))
        notes = (*stream.notes, *self._notes())
        return replace(stream, classes=_merged(stream.classes, self.tables.values()), notes=notes)

    def annotate_listing(self, listing: Listing) -> Listing:
        """Return a listing with the files' annotations. Raises `SourceError`, as `join_listing` does."""
        joined = join_listing(listing, list(self.joins.values()))
        notes = (*joined.notes, *self._notes())
        return replace(joined, classes=_merged(joined.classes, self.tables.values()), notes=notes)

    def _notes(self) -> list[str]:
        return [note for table in self.tables.values() for note in table.notes]


def open_labels(options: LabelOptions, storage_options: StorageOptions) -> OpenedLabels:
    """Read every label file that the options name. Raises `SourceError` for one that cannot be read.

    `storage_options` are those of the files' store.
    """
    joins: dict[str, LabelJoin] = {}
    tables: dict[str, Labels] = {}
    files = [(name, url, options.without_label) for name, url in options.labels.items()]
    if options.captions is not None:
        files.append(("captions", options.captions, options.without_caption))
    for name, url, unmatched in files:
        labels = LABELS[name](url, **options.of_source(name), storage_options=storage_options)
        if labels.classes and not labels.count:
            tables[name] = labels
            continue
        file = find_file(url, storage_options)
        size = file[1].size if file else None
        identity = {"name": name, "count": labels.count, "bytes": size, "sha256": labels.sha256}
        joins[name] = LabelJoin(labels, unmatched, identity)
    for language, url in options.class_names.items():
        own = {**options.of_source("names"), "language": language}
        tables[f"names-{language}"] = LABELS["names"](url, **own, storage_options=storage_options)
    return OpenedLabels(joins, tables)


def _merged(classes: tuple[Metadata, ...], tables: Iterable[Labels]) -> tuple[Metadata, ...]:
    """Return the class table with the fields of further tables of the same classes."""
    for table in tables:
        if not classes:
            raise SourceError(
                f"{plain(table.url)} describes classes, but the images have no class table: leave it out"
            )
        if len(table.classes) != len(classes):
            raise SourceError(
                f"{plain(table.url)} has {len(table.classes):,} classes, but the class table of the images "
                f"has {len(classes):,}: give a file of the same classes"
            )
        for label, (item, more) in enumerate(zip(classes, table.classes, strict=True)):
            for name in sorted(item.keys() & more.keys()):
                if item[name] != more[name]:
                    raise SourceError(
                        f"{plain(table.url)} gives class {label} the {name} {more[name]!r:.60}, but it has "
                        f"{item[name]!r:.60} already: leave one of the two out"
                    )
        classes = tuple({**item, **more} for item, more in zip(classes, table.classes, strict=True))
    return classes
