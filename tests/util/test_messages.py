import pytest

from wds_imagenet.util.messages import quantity, unknown_name


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
def test_one_thing_has_a_singular_noun_and_verb(phrase, of_one):
    assert quantity(1, phrase) == of_one
    assert quantity(2, phrase) == f"2 {phrase}"
    assert quantity(0, phrase) == f"0 {phrase}"
    assert quantity(12_345, phrase) == f"12,345 {phrase}"


@pytest.mark.parametrize(("count", "shown"), [(0, "0 shards"), (1, "1 shard"), (2000, "2,000 shards")])
def test_a_quantity_has_its_noun_in_the_right_number(count, shown):
    assert quantity(count, "shards") == shown


def test_an_unknown_name_is_listed_with_the_known_ones_and_the_nearest():
    assert str(unknown_name("verb", ["bnch"], ["ls", "bench"])) == (
        "there is no verb 'bnch' (did you mean 'bench'?); there are bench, ls"
    )
    assert str(unknown_name("verb", ["x"], ["ls"])) == "there is no verb 'x'; there are ls"
