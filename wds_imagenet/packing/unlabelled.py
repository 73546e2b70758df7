"""Images without a label among images that have one: refused, left out, or packed with the label -1. Pure."""

from array import array
from collections.abc import Iterator
from dataclasses import replace

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.packing.plan.computed_references import ComputedReferences
from wds_imagenet.packing.plan.label_join import Unmatched
from wds_imagenet.util.messages import quantity


def treat_unlabelled(found: Listing | Stream, treatment: Unmatched | None) -> Listing | Stream:
    """Return the images, with those without a label treated as asked.

    Costs one iteration over a listing, if the treatment is `keep` or `drop`.

    Args:
        found: the images. If none has a label, nothing changes.
        treatment: `keep` packs them with the label -1, `drop` leaves them out; `fail` and None refuse them.

    Raises:
        SourceError: a stream has such images, and they are refused. The plan refuses those of a listing.
    """
    if isinstance(found, Stream):
        return _of_stream(found, treatment)
    if treatment not in {"keep", "drop"}:
        return found
    labelled = array("q")
    lacking = 0
    for index, reference in enumerate(found.references):
        if reference.label is None and reference.fault is None:
            lacking += 1
        else:
            labelled.append(index)
    if not lacking or all(found.references[index].label is None for index in labelled):
        return found
    if treatment == "keep":
        note = f"{quantity(lacking, 'images have no label')}: their label is -1"
        return replace(found, partly_labelled=True, notes=(*found.notes, note))
    note = f"{quantity(lacking, 'images without a label are left out')}"
    references = ComputedReferences(len(labelled), lambda index: found.references[labelled[index]])
    return replace(found, references=references, notes=(*found.notes, note))


def _of_stream(found: Stream, treatment: Unmatched | None) -> Stream:
    if found.unlabelled is None or not found.labelled:
        return found
    if treatment not in {"keep", "drop"}:
        raise SourceError(
            f"{found.unlabelled} has no label, but other images have: option without_label='keep' packs such "
            "images with the label -1, and option without_label='drop' leaves them out"
        )
    if treatment == "keep":
        note = "some images have no label: their label is -1"
        return replace(found, partly_labelled=True, notes=(*found.notes, note))

    def images() -> Iterator[StreamedImage]:
        for image in found.images():
            if image.reference.label is not None or image.reference.fault is not None:
                yield image

    note = "images without a label are left out"
    identity = {**found.identity, "without_label": "drop"}
    return replace(
        found, images=images, identity=identity, samples=None, published=None, notes=(*found.notes, note)
    )
