"""`verify` finds each flipped bit of a data set: a sample of them here, all in `faults.bit_flips.main`."""

import os
from pathlib import Path

from faults.bit_flips import campaign, files_of, flip

EVERY = int(os.environ.get("WDS_IMAGENET_FLIP_EVERY", "5003"))  # a prime: every bit of a byte is flipped


def test_verify_finds_a_flipped_bit_anywhere(tmp_path: Path) -> None:
    flips = list(campaign(tmp_path, EVERY, first=11))
    assert len(flips) > 100
    assert [one for one in flips if one.outcome != "found"] == []
    folder = tmp_path / "set"
    small = [path for path in files_of(folder) if path.suffix != ".tar"]
    assert len(small) > 15
    for path in small:
        bits = 8 * path.stat().st_size
        for bit in range(3, bits, bits // 5 + 1):
            assert flip(folder, path, bit).outcome == "found", (path, bit)
