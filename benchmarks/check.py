"""What every loader's batches must be: of one shape and type, each image in them once an epoch."""

from pathlib import Path
from typing import Any, Final

import numpy as np

SHAPES: Final = ((224, 224, 3), (3, 224, 224))


class Check:
    """Counts what comes by; `SystemExit` says what is wrong with it."""

    def __init__(self, data: Path) -> None:
        """Learn how many images each class has from the class folders."""
        classes = sorted(path for path in (data / "folder").iterdir() if path.is_dir())
        self._expected = np.array([sum(1 for _ in path.iterdir()) for path in classes])
        self._seen = np.zeros_like(self._expected)
        self.images = 0

    def see(self, images: Any, labels: Any) -> None:  # noqa: ANN401 - each loader has its own kind of array
        """Take note of a batch."""
        if tuple(images.shape[1:]) not in SHAPES or not str(images.dtype).endswith("uint8"):
            raise SystemExit(f"a batch is {tuple(images.shape)} of {images.dtype}")
        numbers = np.asarray(labels).reshape(-1)
        if len(numbers) != len(images):
            raise SystemExit(f"{len(images)} images, {len(numbers)} labels")
        self._seen += np.bincount(numbers, minlength=len(self._seen))  # another label is another length
        self.images += len(images)

    def end(self) -> None:
        """Hold what was seen against whole epochs."""
        epochs = self.images // int(self._expected.sum())
        if not np.array_equal(self._seen, self._expected * epochs):
            wrong = int((self._seen != self._expected * epochs).sum())
            raise SystemExit(f"{wrong} classes do not come as often as in {epochs} epochs")
