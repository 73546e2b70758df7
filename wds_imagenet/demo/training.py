"""Train a small network from a loader."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from wds_imagenet.reading.loader import Loader


@dataclass(frozen=True, slots=True)
class EpochResult:
    """The results of one epoch."""

    number: int
    """From 1."""
    loss: float
    """Mean over the samples."""
    accuracy: float
    """Share of correct predictions during training."""
    images_per_second: float


def network(classes: int) -> nn.Module:
    """Return a convolutional network for images of 64 × 64 pixels, which trains on a CPU."""

    def layer(inputs: int, outputs: int) -> nn.Sequential:
        convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())

    # Takes the largest response at any position: a corner counts anywhere in the picture.
    pool = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())
    return nn.Sequential(layer(3, 32), layer(32, 64), layer(64, 128), pool, nn.Linear(128, classes))


def train(model: nn.Module, loader: Loader, epochs: int) -> Iterator[EpochResult]:
    """Train a network, and yield the result of each epoch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=epochs * len(loader))
    model.train()
    for number in range(epochs):
        loss_sum, correct, count, began = 0.0, 0, 0, time.perf_counter()
        for batch in loader:
            assert isinstance(batch.images, torch.Tensor)  # noqa: S101 - for the type checker
            scores = model(_floats(batch.images))
            loss = nn.functional.cross_entropy(scores[batch.mask], batch.labels[batch.mask])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch's
            optimizer.step()
            schedule.step()
            samples = int(batch.mask.sum())
            loss_sum, count = loss_sum + loss.item() * samples, count + samples
            correct += int((scores.argmax(1) == batch.labels)[batch.mask].sum())
        rate = count / (time.perf_counter() - began)
        yield EpochResult(number + 1, loss_sum / count, correct / count, rate)


@torch.no_grad()
def evaluate(model: nn.Module, loader: Loader) -> float:
    """Return the accuracy over one epoch. Each sample counts once."""
    model.eval()
    correct = count = 0
    for batch in loader:
        assert isinstance(batch.images, torch.Tensor)  # noqa: S101 - for the type checker
        best = model(_floats(batch.images)).argmax(1)
        correct += int((best == batch.labels)[batch.mask].sum())
        count += int(batch.mask.sum())
    return correct / count


def _floats(images: torch.Tensor) -> torch.Tensor:
    return images.float().div_(127.5).sub_(1)
