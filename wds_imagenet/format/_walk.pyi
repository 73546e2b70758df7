from collections.abc import Set as AbstractSet

def walk(
    data: bytes | memoryview, ended: bool, pictures: AbstractSet[str], /
) -> tuple[list[str], list[tuple[str, ...]], bytes, bytes] | None: ...
