"""Gives the thousand classes drawn ILSVRC2012_IDs, counts, and 50,000 drawn validation labels."""

import random
from dataclasses import dataclass
from pathlib import Path

CLASSES = 1000
IMAGES = 50_000
FIRST_IDS = (490, 361, 171, 822, 297, 482, 13, 704, 599, 164)
TRAIN_IMAGES, FEWEST = 1_281_167, 732

# The ILSVRC2012_ID of each class that tests name, by label.
KNOWN_IDS = {
    0: 449, 1: 450, 57: 482, 59: 484, 65: 490, 134: 429, 152: 99, 165: 42, 166: 18, 167: 207, 175:
    31, 177: 21, 212: 2, 230: 171, 241: 79, 262: 70, 264: 50, 268: 46, 278: 1, 332: 164, 334: 13,
    398: 547, 415: 704, 473: 377, 474: 836, 516: 297, 517: 545, 519: 898, 587: 375, 618: 892, 638:
    782, 639: 977, 674: 599, 740: 373, 780: 221, 809: 822, 850: 786, 861: 312, 970: 361, 993: 956,
    999: 889,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DrawnClasses:
    """The classes by label, and the label of each validation image."""

    wnids: tuple[str, ...]
    ids: tuple[int, ...]
    lemmas: tuple[tuple[str, ...], ...]
    train_images: tuple[int, ...]
    validation: tuple[int, ...]

    @property
    def by_id(self) -> list[int]:
        """The label of each ILSVRC2012_ID, from 1."""
        return sorted(range(CLASSES), key=self.ids.__getitem__)


def draw_classes(lists: Path) -> DrawnClasses:
    """Return the released classes with drawn numbers and labels, the same at each call.

    Args:
        lists: the folder of released class lists in timm's wheel.
    """
    wnids = tuple((lists / "imagenet_synsets.txt").read_text().split())
    lines = (lists / "imagenet_synset_to_lemma.txt").read_text().splitlines()
    lemmas = dict(line.split("\t") for line in lines)
    rng = random.Random(11)
    ids = _draw_ids(rng)
    validation = [label for label in range(CLASSES) for _ in range(IMAGES // CLASSES)]
    first = [ids.index(number) for number in FIRST_IDS]
    for label in first:
        validation.remove(label)
    rng.shuffle(validation)
    return DrawnClasses(
        wnids,
        tuple(ids),
        tuple(tuple(lemmas[wnid].split(", ")) for wnid in wnids),
        tuple(_draw_counts(rng)),
        (*first, *validation),
    )


def _draw_counts(rng: random.Random) -> list[int]:
    counts = [1300] * CLASSES
    counts[5] = FEWEST
    for label in rng.sample(range(6, CLASSES), 110):
        counts[label] -= min(rng.randrange(330), sum(counts) - TRAIN_IMAGES)
    counts[6] -= sum(counts) - TRAIN_IMAGES
    return counts


def _draw_ids(rng: random.Random) -> list[int]:
    free = sorted({*range(1, CLASSES + 1)} - {*KNOWN_IDS.values()})
    labels = [label for label in range(CLASSES) if label not in KNOWN_IDS]
    while any(number - 1 == label for label, number in zip(labels, free, strict=True)):
        rng.shuffle(free)  # no class has one number in both numberings
    ids = KNOWN_IDS | dict(zip(labels, free, strict=True))
    return [ids[label] for label in range(CLASSES)]
