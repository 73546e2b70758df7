"""What `torch.save` wrote, read without running anything that is in it."""

import io
import re
from typing import Any, Final

from wds_imagenet.errors import MissingExtraError, SourceError

_REFUSED: Final = re.compile(r"(?:Unsupported (?:global: GLOBAL|class)|unsupported GLOBAL) (\S+)")
_REASON: Final = re.compile(r"WeightsUnpickler error:\s*(.+)")  # behind advice to run what is in the file


def load_tensors(data: bytes, where: str) -> Any:  # noqa: ANN401 - whatever was saved
    """Return what `torch.save` wrote: tensors on the CPU, numbers and texts, in lists and (ordered) dicts.

    Guarantees that no code of the file is run: PyTorch's restricted unpickler refuses every other
    class and function. `where` names the file in errors. Raises `SourceError` for a file that is
    refused or damaged, `MissingExtraError` without PyTorch.
    """
    try:
        import torch  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError.of("torch", f"reading {where}, which PyTorch wrote,") from error
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes raise a dozen types, of which PyTorch promises none
        refused = _REFUSED.search(str(error))
        if refused is not None:
            raise SourceError(
                f"{where} holds {refused[1]}, which is neither a tensor nor a plain value: refused, since "
                "reading it would run code"
            ) from error
        found = _REASON.search(str(error))
        reason = (found[1] if found else str(error).strip().partition("\n")[0]) or type(error).__name__
        raise SourceError(f"{where} is no file of torch.save that can be read: {reason:.200}") from error
