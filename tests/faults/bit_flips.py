"""Every bit of every file of a data set but `README.md`, flipped one by one: `verify` finds each.

People edit `README.md`, the card of a data set, so that a change of it is no damage.

`python -m faults.bit_flips FOLDER [EVERY]` runs all flips, or every EVERY-th, in a new FOLDER. `campaign` is
the same as a function.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from layered_set import pack_layered

from wds_imagenet import verify
from wds_imagenet.errors import DataError


@dataclass(frozen=True, slots=True)
class Flip:
    """One flipped bit, and its outcome: `found`, `unfound`, or the name of another exception."""

    file: str
    bit: int
    outcome: str


def files_of(folder: Path) -> list[Path]:
    """Return all files of a data set but `README.md`, which people edit."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "README.md")


def flip(folder: Path, file: Path, bit: int) -> Flip:
    """Flip one bit of a file, verify the data set, and restore the file."""
    original = file.read_bytes()
    data = bytearray(original)
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)
    try:
        outcome = "unfound" if verify(str(folder), threads=1).ok else "found"
    except DataError:
        outcome = "found"
    except Exception as error:  # noqa: BLE001 - the outcome of a campaign, which goes on
        outcome = type(error).__name__
    finally:
        file.write_bytes(original)
    return Flip(str(file.relative_to(folder)), bit, outcome)


def campaign(folder: Path, every: int = 1, first: int = 0) -> Iterator[Flip]:
    """Pack a data set with two layers in an empty folder, and yield the outcome of each flip.

    Args:
        folder: an empty folder.
        every: distance of the flipped bits, counted through all files.
        first: the first flipped bit.
    """
    pack_layered(folder, str(folder / "set"))
    at = first
    for file in files_of(folder / "set"):
        bits = 8 * file.stat().st_size
        while at < bits:
            yield flip(folder / "set", file, at)
            at += every
        at -= bits


def main(folder: str, every: str = "1") -> int:
    """Run the campaign, print its outcomes and each flip that is not found; return an exit code."""
    wrong = 0
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for one in campaign(Path(scratch), int(every)):
            outcomes[one.outcome] += 1
            if one.outcome != "found":
                wrong += 1
                sys.stdout.write(f"{one}\n")
    sys.stdout.write(f"{outcomes.total()} flips: {dict(outcomes)}\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
