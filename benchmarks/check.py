"""Check a loader's batches: their shape and dtype, and that each epoch contains every image once."""

from pathlib import Path
from typing import Any, Final

import numpy as np

SHAPES: Final = ((224, 224, 3), (3, 224, 224))


class Check:
    """Counts images by label, and raises `SystemExit` at the first fault."""

    def __init__(self, data: Path) -> None:
        """Count the images in each class folder."""
        classes = sorted(path for path in (data / "folder").iterdir() if path.is_dir())
        self._expected = np.array([sum(1 for _ in path.iterdir()) for path in classes])
        self._seen = np.zeros_like(self._expected)
        self.images = 0

    def add(self, images: Any, labels: Any) -> None:  # noqa: ANN401 - each loader has its own kind of array
        """Check a batch, and count its images."""
        if tuple(images.shape[1:]) not in SHAPES or not str(images.dtype).endswith("uint8"):
            raise SystemExit(f"a batch has shape {tuple(images.shape)} and dtype {images.dtype}")
        numbers = np.asarray(labels).reshape(-1)
        if len(numbers) != len(images):
            raise SystemExit(f"a batch has {len(images)} images but {len(numbers)} labels")
        self._seen += np.bincount(numbers, minlength=len(self._seen))  # raises at an unknown label
        self.images += len(images)

    def finish(self) -> None:
        """Compare the counts with whole epochs."""
        epochs = self.images // int(self._expected.sum())
        if not np.array_equal(self._seen, self._expected * epochs):
            wrong = int((self._seen != self._expected * epochs).sum())
            raise SystemExit(f"the counts of {wrong} classes differ from those of {epochs} epochs")
