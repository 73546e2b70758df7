"""Find the format of a prediction file by its content, and call its reader."""

from collections.abc import Sequence
from typing import Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation import logit_files
from wds_imagenet.evaluation.keyed_files import read_csv, read_jsonl
from wds_imagenet.evaluation.logit_files import read_logits
from wds_imagenet.evaluation.predictions import Predictions, concatenate
from wds_imagenet.evaluation.text_files import Layout, is_guesses, read_text
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.storage.store import StorageOptions

_MAX_TEXT: Final = 1 << 30
_MAX_LINES: Final = 1 << 24


def read_predictions(
    urls: Sequence[str], layout: Layout | None, keys: str | None, options: StorageOptions
) -> Predictions:
    """Return the predictions of one file, or of several that have keys.

    A NumPy file has its own first bytes, JSON lines begin with a brace, and the header of a CSV has commas
    between words. Any other text has lines of numbers as in ILSVRC: five are five labels, or a label and its
    box.

    Args:
        urls: The files.
        layout: Layout of a text file of numbers.
        keys: For an `.npy`, the file of its keys.
        options: Options of the store.

    Raises:
        UsageError: A text file of numbers has no layout, or an option does not fit a file.
        SourceError: A file cannot be read.
    """
    if not urls:
        raise UsageError("there is no prediction file")
    key_lines = None if keys is None else read_file(keys, options, max_bytes=_MAX_TEXT)
    return concatenate([_read(url, layout, key_lines, options) for url in urls])


def _read(url: str, layout: Layout | None, keys: bytes | None, options: StorageOptions) -> Predictions:
    data = read_file(url, options, max_bytes=logit_files.MAX_BYTES)
    if data.startswith((logit_files.NPY, logit_files.ZIP)):
        _reject_layout(layout, url)
        return read_logits(data, url, keys)
    if keys is not None:
        raise UsageError(f"{url} is no array of logits: leave out option 'keys'")
    if len(data) > _MAX_TEXT:
        raise SourceError(f"{url} has {len(data):,} bytes; a text file has at most {_MAX_TEXT:,}")
    if (lines := data.count(b"\n")) > _MAX_LINES:
        raise SourceError(f"{url} has {lines:,} lines; at most {_MAX_LINES:,} are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{url} is neither UTF-8 text nor a NumPy file: {error}") from error
    first = text.lstrip().partition("\n")[0]
    if first.startswith("{"):
        _reject_layout(layout, url)
        return read_jsonl(text, url)
    if "," in first and not is_guesses(first):
        _reject_layout(layout, url)
        return read_csv(text, url)
    if layout is None:
        raise UsageError(
            f"{url} has lines of numbers: give option 'layout': 'classification' (labels, the best first) or "
            "'localisation' (label xmin ymin xmax ymax, the best first)"
        )
    return read_text(text, url, layout)


def _reject_layout(layout: Layout | None, url: str) -> None:
    if layout is not None:
        raise UsageError(f"{url} records its own format: leave out option layout={layout!r}")
