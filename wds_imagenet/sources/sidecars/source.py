"""`sidecars`: any tree of images, with what is known of each in files beside it or in one JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.imagenet.class_naming import ClassNaming
from wds_imagenet.inputs.file_listing import list_files
from wds_imagenet.inputs.image_files import IgnoredFiles, image_references, no_images_error
from wds_imagenet.inputs.keys import key_from_name, with_unique_keys
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.sources import columns
from wds_imagenet.sources.columns import Called
from wds_imagenet.sources.sidecars.annotations_json import read_annotations
from wds_imagenet.sources.sidecars.sidecar_files import read_beside
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions

_NOTHING: Final[Metadata] = {}


def sidecars(
    url: str,
    *,
    annotations: Annotated[str | None, "one JSON with what is known of all images"] = None,
    label_field: Annotated[str | None, "name of the label in the JSON"] = None,
    caption_field: Annotated[str | None, "name of the caption in the JSON"] = None,
    classes: Classes = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing:
    """List a tree of images, or a tar archive of one, with the files that lie beside them.

    Beside `cat.jpg`, `cat.cls` has its label, a number or the name of a class, `cat.txt` its caption and
    `cat.json` an object with anything; or one JSON, given as `annotations`, has all of that for all
    images (see `sources.annotations`), and the files are passed over. In JSON, label and caption are found
    by their usual names (label, class, cls, target; caption, text, title), unless any image has a `.cls` or a
    `.txt`: then these alone count. All other fields become metadata. An image may lack any of it.

    References come by path, on disk; keys are the files' stems, with their folders where these repeat.
    Costs a listing, 50 µs a file, and a request for every file beside an image. Raises `SourceError` that
    names the file.
    """
    others, hidden = IgnoredFiles(), IgnoredFiles()
    files = list_files(url, storage_options)
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    if annotations is None:
        images = read_beside(files, others, hidden, storage_options)
        more = others.notes("files that belong to no image")
    else:
        images = spill_in_order(image_references(files, others, hidden), lambda image: image.name)
        more = others.notes("files that are no images")
    if not images:
        raise no_images_error(url, others, hidden)
    if annotations is not None:
        images, notes = read_annotations(annotations, images, storage_options)
        more = [*notes, *more]
    where = url if annotations is None else annotations
    facts = _Facts.of(images, label_field, caption_field, where)
    naming = facts.called(images, where).naming(listed)
    references = SpilledReferences(facts.references(images, naming, where))
    references = with_unique_keys(references, lambda place: f"{url}: {references[place].name}")
    return Listing(references, naming.classes, (*hidden.notes("hidden files"), *more, *naming.notes))


@dataclass(frozen=True, slots=True)
class _Facts:
    """Where label and caption are found: in a field of the JSON, None for the files beside the images."""

    label: str | None
    caption: str | None

    @classmethod
    def of(cls, images: SpilledReferences, label: str | None, caption: str | None, where: str) -> "_Facts":
        """Choose them by what all images have. Raises `SourceError` for a field that none has."""
        names: dict[str, None] = {}
        beside: set[str] = set()
        for image in images:
            beside |= image.metadata.keys()
            names |= dict.fromkeys(image.metadata.get("json", ()))

        def choose(asked: str | None, usual: tuple[str, ...], suffix: str) -> str | None:
            alone = asked is None and suffix in beside
            return None if alone else columns.choose(names, asked, usual, where)

        return cls(choose(label, columns.LABEL, "cls"), choose(caption, columns.CAPTION, "txt"))

    def called(self, images: SpilledReferences, where: str) -> Called:
        """Return the classes that the images' labels call."""
        called = Called()
        for image in images:
            called.look(_value(image, self.label, "cls"), lambda: f"{where}: {image.name}")  # noqa: B023 - called at once
        return called

    def references(self, images: SpilledReferences, naming: ClassNaming, where: str) -> Iterator[Reference]:
        """Yield the images with what is known of them, their keys those of their stems."""
        for image in images:
            path = image.name
            known = image.metadata.get("json", _NOTHING)
            yield Reference(
                key_from_name(path.rpartition("/")[2], lambda: f"{where}: {path}"),  # noqa: B023 - called at once
                image.url,
                image.offset,
                image.size,
                path,
                columns.label(_value(image, self.label, "cls"), naming),
                columns.caption(_value(image, self.caption, "txt"), f"{where}: {path}"),
                {name: value for name, value in known.items() if name not in (self.label, self.caption)},
            )


def _value(image: Reference, field: str | None, suffix: str) -> Any:  # noqa: ANN401 - a JSON value
    return image.metadata.get(suffix) if field is None else image.metadata.get("json", _NOTHING).get(field)
