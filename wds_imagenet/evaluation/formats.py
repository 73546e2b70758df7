"""Which format a prediction file has: what it says of itself, and never a guess."""

from collections.abc import Sequence
from typing import Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation import arrays
from wds_imagenet.evaluation.arrays import read_arrays
from wds_imagenet.evaluation.predictions import Predictions, join
from wds_imagenet.evaluation.tables import read_csv, read_jsonl
from wds_imagenet.evaluation.text_files import Layout, read_text
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.storage.store import StorageOptions

_MAX_TEXT: Final = 1 << 30


def read_predictions(
    urls: Sequence[str], layout: Layout | None, keys: str | None, options: StorageOptions
) -> Predictions:
    """Return the predictions in one file, or in several that have keys.

    NumPy's files are known by their first bytes, JSONL by its first brace, CSV by its header. What is left
    are ILSVRC's lines of numbers, and only the user knows whether five of them are five labels or one
    label and its box. Raises `UsageError` where that is not said.
    """
    if not urls:
        raise UsageError("there is no prediction file")
    names = None if keys is None else read_file(keys, options, max_bytes=_MAX_TEXT)
    return join([_read(url, layout, names, options) for url in urls])


def _read(url: str, layout: Layout | None, keys: bytes | None, options: StorageOptions) -> Predictions:
    data = read_file(url, options, max_bytes=arrays.MAX_BYTES)
    if data.startswith((arrays.NPY, arrays.ZIP)):
        _refuse(layout, url)
        return read_arrays(data, url, keys)
    if keys is not None:
        raise UsageError(f"{url} is no array of logits, so it takes no file of keys")
    if len(data) > _MAX_TEXT:
        raise SourceError(f"{url} has {len(data):,} bytes; a text may have {_MAX_TEXT:,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{url} is neither UTF-8 text nor one of NumPy's files: {error}") from error
    first = text.lstrip().partition("\n")[0]
    if first.startswith("{"):
        _refuse(layout, url)
        return read_jsonl(text, url)
    if "," in first:
        _refuse(layout, url)
        return read_csv(text, url)
    if layout is None:
        raise UsageError(
            f"{url} has lines of numbers: say with the format whether they are 'classification' (labels, the "
            "best first) or 'localisation' (label xmin ymin xmax ymax, the best first)"
        )
    return read_text(text, url, layout)


def _refuse(layout: Layout | None, url: str) -> None:
    if layout is not None:
        raise UsageError(f"{url} says itself what it is, so leave the format {layout!r} away")
