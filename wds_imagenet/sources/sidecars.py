"""`sidecars`: any tree of images, with what is known of each in files beside it or in one JSON."""

from collections.abc import Sequence
from typing import Annotated

from wds_imagenet.labels.classes import read_classes
from wds_imagenet.sources import columns
from wds_imagenet.sources.annotations import read_annotations
from wds_imagenet.sources.beside import Facts, read_beside
from wds_imagenet.sources.files import list_files
from wds_imagenet.sources.images import choose_keys, passed_over, pick_images
from wds_imagenet.sources.options import Classes
from wds_imagenet.sources.reference import Listing, Reference
from wds_imagenet.sources.spool import Spool


def sidecars(
    url: str,
    *,
    annotations: Annotated[str | None, "one JSON with what is known of all images"] = None,
    label_field: Annotated[str | None, "name of the label in the JSON"] = None,
    caption_field: Annotated[str | None, "name of the caption in the JSON"] = None,
    classes: Classes = None,
    **storage_options: object,
) -> Listing:
    """List a tree of images, or a tar archive of one, with the files that lie beside them.

    Beside `cat.jpg`, `cat.cls` has its label, a number or the name of a class, `cat.txt` its caption and
    `cat.json` an object with anything; or one JSON, given as `annotations`, has all of that for all
    images (see `sources.annotations`), and the files are passed over. In JSON, label and caption are found
    by their usual names (label, class, cls, target; caption, text, title), unless any image has a `.cls` or a
    `.txt`: then these alone count. All other fields become metadata. An image may lack any of it.

    References come by path; keys are the files' stems, with their folders where these repeat. Costs a
    listing, and a request for every file beside an image. Raises `SourceError` that names the file.
    """
    images, others, notes = pick_images(list_files(url, storage_options), url)
    paths = [image.path for image in images]
    keys = choose_keys(paths, lambda i: f"{url}: {paths[i]}")
    listed = None if classes is None else read_classes(classes, **storage_options)
    if annotations is None:
        facts, more = read_beside(images, others, storage_options)
    else:
        entries, more = read_annotations(annotations, paths, storage_options)
        facts = [Facts(json=entry) for entry in entries]
        more += passed_over([file.path for file in others], "files that are no images")
    where = url if annotations is None else annotations
    label, called = _values(facts, [fact.label for fact in facts], label_field, columns.LABEL, where)
    caption, told = _values(facts, [fact.caption for fact in facts], caption_field, columns.CAPTION, where)
    used = {label, caption}
    labels, naming = columns.labels(called, listed, lambda i: f"{where}: {paths[i]}")
    references = Spool(
        Reference(
            key,
            image.url,
            image.offset,
            image.size,
            image.path,
            number,
            columns.caption(text, f"{where}: {image.path}"),
            {name: value for name, value in fact.json.items() if name not in used}
            if fact.json
            else fact.json,
        )
        for image, key, number, text, fact in zip(images, keys, labels, told, facts, strict=True)
    )
    return Listing(references, naming.classes, (*notes, *more, *naming.notes))


def _values(
    facts: Sequence[Facts], beside: Sequence[object], asked: str | None, usual: Sequence[str], where: str
) -> tuple[str | None, Sequence[object]]:
    """Return the field of the JSON that is used, if any, and the values by image."""
    if asked is None and any(value is not None for value in beside):
        return None, beside
    names = dict.fromkeys(name for fact in facts for name in fact.json)
    field = columns.choose(names, asked, usual, where)
    return field, beside if field is None else [fact.json.get(field) for fact in facts]
