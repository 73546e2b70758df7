"""Draws a thousand classes and 50,000 validation labels, numbered twice as ILSVRC2012's are."""

import random
from dataclasses import dataclass
from itertools import pairwise

CLASSES = 1000
IMAGES = 50_000
FIRST_IDS = (490, 361, 171, 822, 297, 482, 13, 704, 599, 164)
TRAIN_IMAGES, FEWEST = 1_281_167, 732

# Label, WNID, ILSVRC2012_ID and lemmas of the classes that tests name.
NAMED = (
    (0, "n01440764", 449, "tench", "Tinca tinca"),
    (1, "n01443537", 450, "goldfish", "Carassius auratus"),
    (57, "n01735189", 482, "garter snake", "grass snake"),
    (59, "n01739381", 484, "vine snake"),
    (65, "n01751748", 490, "sea snake"),
    (134, "n02012849", 429, "crane"),
    (152, "n02085782", 99, "Japanese spaniel"),
    (165, "n02089078", 42, "black-and-tan coonhound"),
    (166, "n02089867", 18, "Walker hound", "Walker foxhound"),
    (167, "n02089973", 207, "English foxhound"),
    (175, "n02091635", 31, "otterhound", "otter hound"),
    (177, "n02092002", 21, "Scottish deerhound", "deerhound"),
    (212, "n02100735", 2, "English setter"),
    (230, "n02105855", 171, "Shetland sheepdog", "Shetland sheep dog", "Shetland"),
    (241, "n02108000", 79, "EntleBucher"),
    (262, "n02112706", 70, "Brabancon griffon"),
    (264, "n02113186", 50, "Cardigan", "Cardigan Welsh corgi"),
    (268, "n02113978", 46, "Mexican hairless"),
    (278, "n02119789", 1, "kit fox", "Vulpes macrotis"),
    (332, "n02328150", 164, "Angora", "Angora rabbit"),
    (334, "n02346627", 13, "porcupine", "hedgehog"),
    (398, "n02666196", 547, "abacus"),
    (415, "n02776631", 704, "bakery", "bakeshop", "bakehouse"),
    (473, "n02951585", 377, "can opener", "tin opener"),
    (474, "n02963159", 836, "cardigan"),
    (516, "n03125729", 297, "cradle"),
    (517, "n03126707", 545, "crane"),
    (519, "n03127925", 898, "crate"),
    (587, "n03481172", 375, "hammer"),
    (618, "n03633091", 892, "ladle"),
    (638, "n03710637", 782, "maillot"),
    (639, "n03710721", 977, "maillot", "tank suit"),
    (674, "n03794056", 599, "mousetrap"),
    (740, "n03995372", 373, "power drill"),
    (780, "n04147183", 221, "schooner"),
    (809, "n04263257", 822, "soup bowl"),
    (850, "n04399382", 786, "teddy", "teddy bear"),
    (861, "n04447861", 312, "toilet seat"),
    (970, "n09193705", 361, "alp"),
    (993, "n13037406", 956, "gyromitra"),
    (999, "n15075141", 889, "toilet tissue", "toilet paper"),
)


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


def draw_classes() -> DrawnClasses:
    """Return the same classes at each call."""
    rng = random.Random(11)
    ids = _draw_ids(rng)
    lemmas = [(f"drawn thing {label}", f"Pictura {label}") for label in range(CLASSES)]
    for label, _, _, *names in NAMED:
        lemmas[label] = tuple(names)
    counts = [1300] * CLASSES
    counts[5] = FEWEST
    for label in rng.sample(range(6, CLASSES), 110):
        counts[label] -= min(rng.randrange(330), sum(counts) - TRAIN_IMAGES)
    counts[6] -= max(sum(counts) - TRAIN_IMAGES, 0)
    validation = [label for label in range(CLASSES) for _ in range(IMAGES // CLASSES)]
    first = [ids.index(number) for number in FIRST_IDS]
    for label in first:
        validation.remove(label)
    rng.shuffle(validation)
    return DrawnClasses(
        tuple(_draw_wnids()), tuple(ids), tuple(lemmas), tuple(counts), (*first, *validation)
    )


def _draw_wnids() -> list[str]:
    known = [(label, int(wnid[1:])) for label, wnid, *_ in NAMED]
    numbers = [
        low + (high - low) * (label - start) // (end - start)
        for (start, low), (end, high) in pairwise(known)
        for label in range(start, end)
    ]
    return [f"n{number:08d}" for number in [*numbers, known[-1][1]]]


def _draw_ids(rng: random.Random) -> list[int]:
    ids = dict.fromkeys(range(CLASSES), 0) | {label: number for label, _, number, *_ in NAMED}
    free = sorted(set(range(1, CLASSES + 1)) - set(ids.values()))
    labels = [label for label, number in ids.items() if not number]
    while any(number - 1 == label for label, number in zip(labels, free, strict=True)):
        rng.shuffle(free)  # no class has one number in both numberings
    return [number for _, number in sorted((ids | dict(zip(labels, free, strict=True))).items())]
