"""The check that each sample of a stream agrees with the stream's declaration. Pure."""

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.json_types import EMPTY_VALUES, kind_of, merged
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.packing.plan.schema import Schema
from wds_imagenet.packing.plan.source_urls import describe
from wds_imagenet.util import strict_json


def check(reference: Reference, schema: Schema) -> None:
    """Raise `SourceError` for a sample that contradicts the declaration of its stream.

    A listing may adapt its schema after a look at all samples, for instance to numbers with gaps. The
    schema of a stream is fixed before the first sample.
    """
    name = reference.name
    _check_label(reference, schema)
    if reference.caption is not None and not schema.captioned:
        raise SourceError(f"{name!r} has a caption, but the stream declares none")
    suffixes = sorted(item.suffix for item in reference.attachments)
    if suffixes != list(schema.attachments):
        raise SourceError(
            f"{name!r} has the attachments {suffixes}, but the stream declares {list(schema.attachments)}"
        )
    _check_fields(name, reference.metadata, schema)
    try:
        strict_json.dumps([name, reference.caption, reference.metadata])
    except (TypeError, ValueError) as error:
        raise SourceError(f"the metadata of {name!r} has no JSON form: {error}") from error


def _check_label(reference: Reference, schema: Schema) -> None:
    label, count = reference.label, len(schema.classes)
    if label is None and schema.labelled and not schema.partly_labelled:
        raise SourceError(f"{describe(reference)} has no label, but others have: label all or none")
    if label is not None and not schema.labelled:
        raise SourceError(f"{reference.name!r} has a label, but the stream declares none")
    if label is not None and not 0 <= label < (count or label + 1):
        known = f"the class table has 0 to {count - 1}" if count else "labels begin at 0"
        raise SourceError(f"{reference.name!r} has the label {label}, but {known}")


def _check_fields(name: str, metadata: Metadata, schema: Schema) -> None:
    kinds = {item.source: item.kind for item in schema.fields}
    for field, value in metadata.items():
        if field not in kinds:
            raise SourceError(f"{name!r} has the field {field!r}, which the stream does not declare")
        kind = kind_of(value)
        if kind is not None and merged({kind, kinds[field]}) != {kinds[field]}:
            raise SourceError(f"{name!r}: {field!r} is declared as {kinds[field]}, but is {value!r:.80}")
    for field, declared in kinds.items():
        if metadata.get(field) is None and declared not in EMPTY_VALUES:
            raise SourceError(f"{name!r} has no {field!r}, and a {declared} has no empty value")
