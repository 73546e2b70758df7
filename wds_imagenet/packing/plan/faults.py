"""References whose images the source already found unusable. Pure."""

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.source_urls import describe


def check_fault(reference: Reference, options: PackOptions) -> None:
    """Raise `SourceError` for a reference with a fault, unless the options leave such images out.

    Args:
        reference: the reference, with or without a fault.
        options: those of packing, of which `on_bad` matters.
    """
    if reference.fault is None or options.skips:
        return
    skip = "repair-else-skip" if options.repairs else "skip"
    raise SourceError(
        f"{describe(reference)}: {reference.fault}; option on_bad={skip!r} leaves out every such image and "
        "lists them all in .wds-imagenet/report.jsonl"
    )
