"""A small network, and the notes of the samples that it has seen."""

import json
import os
import sys
from pathlib import Path

from torch import nn

from wds_imagenet import RandomResizedCrop

URL, OUT = sys.argv[1:3]
CROP = RandomResizedCrop(8, flip=True)
RANKS = int(os.environ.get("WORLD_SIZE", "1"))
EACH = 48 // RANKS
notes = []


def network():
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 5))


def loss_of(model, batch):
    images, labels = batch
    return nn.functional.cross_entropy(model(images.float() / 255), labels)


def save_notes(rank=None):
    rank = os.environ.get("RANK", "0") if rank is None else rank
    (Path(OUT) / f"{rank}.json").write_text(json.dumps(notes))
