"""The class table of a damaged manifest: restored from its rest and from the shards, proven by the plan."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wds_imagenet.errors import ManifestError
from wds_imagenet.util import strict_json

Record = dict[str, Any]


def restore_classes(
    damaged: Sequence[Any],
    samples: Iterable[Mapping[str, Any]],
    sha256: str,
    labels: Mapping[int, int] | None,
) -> tuple[Record, ...]:
    """Return the class table of a data set or layer.

    Args:
        damaged: the class table of the damaged manifest, as far as it can be read.
        samples: the JSON of samples, of as many classes as possible; read only until the table is proven.
        sha256: the hash of the class records in the plan.
        labels: the samples of each label, for the table; None if samples have no label.

    Raises:
        ManifestError: no combination has this hash.
    """
    tables = [item for item in damaged if isinstance(item, dict)]
    if _hash(found := _records(tables, None)) == sha256:
        return _table(found, labels)
    records: dict[int, Record] = {}
    for item in samples:
        label = item.get("label")
        if type(label) is not int or label < 0 or label in records:
            continue
        names = _class_fields(item, tables)
        if not records and _hash(found := _records(tables, names)) == sha256:
            return _table(found, labels)
        records[label] = {name: item[name] for name in names}
    for count in {len(tables), max(records, default=-1) + 1} - {0}:
        mixed = [records.get(i, found[i] if i < len(found) else {}) for i in range(count)]
        if _hash(mixed) == sha256:
            return _table(mixed, labels)
    raise ManifestError("the class table cannot be restored: its hash in the plan differs")


def _class_fields(sample: Mapping[str, Any], tables: Sequence[Record]) -> list[str]:
    """Return the fields of the class table in a sample's JSON, in their order there."""
    names = list(sample)
    names = names[names.index("label") + 1 :]
    if "filename" in names:
        return names[: names.index("filename")]
    known = {_in_table(name) for table in tables for name in table}
    return [name for name in names if _in_table(name) in known]


def _in_table(name: str) -> str:
    return "name" if name == "class_name" else name


def _records(tables: Sequence[Record], names: Sequence[str] | None) -> list[Record]:
    """Return the records from which a class table was made, with their fields in this order."""
    if names is not None:
        return [{name: table.get(_in_table(name)) for name in names} for table in tables]
    records = []
    for table in tables:
        rest = {name: value for name, value in table.items() if name not in {"name", "samples"}}
        records.append({"class_name": table["name"], **rest} if "name" in table else rest)
    return records


def _hash(records: Sequence[Record]) -> str:
    return hashlib.sha256(strict_json.dumps(records)).hexdigest()


def _table(records: Sequence[Record], labels: Mapping[int, int] | None) -> tuple[Record, ...]:
    table = []
    for label, record in enumerate(records):
        head: Record = {"name": record.get("class_name", str(label))}
        head |= {} if labels is None else {"samples": labels.get(label, 0)}
        table.append(head | {n: value for n, value in record.items() if n not in {"class_name", *head}})
    return tuple(table)
