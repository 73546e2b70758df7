"""The small files that other readers look for beside the shards: manifest → bytes. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from wds_imagenet.format.manifest import MANIFEST_PATH, Manifest

TIMM_FILE: Final = "_info.json"
OPEN_CLIP_FILE: Final = "sizes.json"
README_FILE: Final = "README.md"

_README: Final = """\
---
configs:
- config_name: default
  data_files:
  - split: {split}
    path: "{pattern}"
---
# {name}, {split}

{samples:,} samples in {shards:,} WebDataset shards (plain tar files), {gigabytes:,.2f} GB.
Each sample has the members {members}.

Packed by wds-imagenet; `{manifest}` lists every block with its checksum.

| reader | how |
| --- | --- |
| wds-imagenet | `Loader(URL, ...)`, or `wds-imagenet verify URL` |
| webdataset | `WebDataset("{braces}")` |
| datasets | `load_dataset(FOLDER, split="{split}")` |
| timm | `create_dataset("wds/", root=FOLDER, split="{split}")`, by `{timm}` |
"""


def companion_files(manifest: Manifest) -> Mapping[str, bytes]:
    """Return path → content of each companion file; the same manifest gives the same bytes.

    `_info.json` has the number of samples of each shard for timm, `sizes.json` for open_clip. `README.md`
    has the shards of the split for Hugging Face `datasets`.
    """
    names = [shard.name for shard in manifest.shards]
    lengths = [shard.samples for shard in manifest.shards]
    split = {
        "name": manifest.split,
        "num_samples": manifest.samples,
        "filenames": names,
        "shard_lengths": lengths,
    }
    return {
        TIMM_FILE: _pretty({"splits": {manifest.split: split}}),
        OPEN_CLIP_FILE: _pretty(dict(zip(names, lengths, strict=True))),
        README_FILE: _readme(manifest).encode(),
    }


def _pretty(value: object) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"


def _readme(manifest: Manifest) -> str:
    stem = f"{manifest.name}-{manifest.split}-"
    numbers = [shard.name.removeprefix(stem).removesuffix(".tar") for shard in manifest.shards]
    kinds = {"image": "`jpg` (or `png`, `webp`)"}
    return _README.format(
        name=manifest.name,
        split=manifest.split,
        pattern=f"{stem}*.tar",
        braces=f"{stem}{_braces(numbers)}.tar",
        samples=manifest.samples,
        shards=len(manifest.shards),
        gigabytes=manifest.size / 1e9,
        members=", ".join(kinds.get(suffix, f"`{suffix}`") for suffix in manifest.suffixes),
        manifest=MANIFEST_PATH,
        timm=TIMM_FILE,
    )


def _braces(numbers: Sequence[str]) -> str:
    """Return braces that expand to these shard numbers, which have gaps where shards were left out."""
    runs: list[tuple[str, str]] = []
    for number in numbers:
        if runs and number.isdecimal() and runs[-1][1].isdecimal() and int(number) == int(runs[-1][1]) + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    if len(runs) == 1:
        return f"{{{runs[0][0]}..{runs[0][1]}}}"
    parts = (first if first == last else f"{{{first}..{last}}}" for first, last in runs)
    return f"{{{','.join(parts)}}}"
