import pytest

from wds_imagenet.util.messages import counted, many


@pytest.mark.parametrize(
    ("phrase", "of_one"),
    [
        ("images", "1 image"),
        ("boxes", "1 box"),
        ("entries without tags", "1 entry without tags"),
        ("classes have no name", "1 class has no name"),
        ("files that repeat another", "1 file that repeats another"),
        ("images are to be turned: their rotation", "1 image is to be turned: their rotation"),
        ("rows", "1 row"),
        ("tars that the manifest lacks", "1 tar that the manifest lacks"),
    ],
)
def test_of_one_thing_is_said_what_is_said_of_one(phrase, of_one):
    assert many(1, phrase) == of_one
    assert many(2, phrase) == f"2 {phrase}"
    assert many(0, phrase) == f"0 {phrase}"
    assert many(12_345, phrase) == f"12,345 {phrase}"


def test_things_are_counted():
    assert [counted(n, "shard") for n in (0, 1, 2000)] == ["0 shards", "1 shard", "2,000 shards"]
