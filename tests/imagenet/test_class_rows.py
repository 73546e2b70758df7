import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from wds_imagenet.imagenet.class_rows import parse_class_rows
from wds_imagenet.util.python_literal import parse_literal

WORDS = ["0", "1", "449", "n01440764", "tench", "丁鲷", "name", "-1", "1e5", "null"]
PIECES = st.sampled_from([*WORDS, *"\t,;: \n\r'\"[]{}()\\\ufeff\x00\u2028\ud800"])


@settings(max_examples=300, deadline=1000)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_text_gives_classes_or_a_value_error(text):
    check(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=1000)
@given(st.binary(max_size=200))
def test_any_bytes_give_classes_or_a_value_error(data):
    check(data)


def check(data):
    try:
        listed = parse_class_rows(data, "zh")
        names = [listed.names(column) for column in range(len(listed.columns))]
    except ValueError:
        return
    assert listed.rows
    assert all(len(row.names) == len(listed.columns) for row in listed.rows)
    assert all(name and name == " ".join(name.split()) for column in names for name in column)
    assert (
        len({row.number is None for row in listed.rows})
        == len({row.wnid is None for row in listed.rows})
        == 1
    )


LITERALS = st.recursive(
    st.integers(-(10**17), 10**17) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def depth(value):
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(depth, items), default=0)


@settings(max_examples=300)
@given(LITERALS.filter(lambda value: depth(value) <= 6))
def test_python_literals_are_those_of_python(value):
    assert parse_literal(repr(value)) == ast.literal_eval(repr(value)) == value


def test_deep_nesting_ends_with_an_error():
    check(b"[" * 1_000_000)
    check(b"{0:" * 100_000)
    check(b"'" * 1_000_000)
    check(b"(1, '" * 100_000)
