"""Files of `torch.save`, read without running code from the file."""

import io
import re
from typing import Any, Final

from wds_imagenet.errors import MissingExtraError, SourceError

_REFUSED: Final = re.compile(r"(?:Unsupported (?:global: GLOBAL|class)|unsupported GLOBAL) (\S+)")
_REASON: Final = re.compile(r"WeightsUnpickler error:\s*(.+)")  # PyTorch first advises to run the file's code


def load_tensors(data: bytes, where: str) -> Any:  # noqa: ANN401 - any saved value
    """Return a saved value: tensors on the CPU, numbers and texts, in lists and (ordered) dicts.

    Guarantees that no code of the file runs: PyTorch's restricted unpickler rejects all other classes and
    functions.

    Args:
        data: the file's bytes.
        where: the file, for errors.

    Raises:
        SourceError: the file is damaged, or holds an object of another class.
        MissingExtraError: PyTorch is not installed.
    """
    try:
        import torch  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError.of("torch", f"reading {where}, which PyTorch wrote,") from error
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch documents no types, and damaged bytes raise a dozen
        refused = _REFUSED.search(str(error))
        if refused is not None:
            raise SourceError(
                f"{where} holds {refused[1]}, which is neither a tensor nor a plain value: rejected, because "
                "reading it would run code"
            ) from error
        found = _REASON.search(str(error))
        reason = (found[1] if found else str(error).strip().partition("\n")[0]) or type(error).__name__
        raise SourceError(f"{where} cannot be read as a file of torch.save: {reason:.200}") from error
