"""A state continues exactly where it was saved, and any other value is a `UsageError`, at once."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wds_imagenet import Dataset, Loader
from wds_imagenet.errors import UsageError
from wds_imagenet.reading.order.epoch_order import EpochOrder, RankSlice
from wds_imagenet.reading.order.position import Position
from wds_imagenet.reading.order.state import LoaderState, most_skipped


@pytest.fixture(scope="module")
def small(small_shards):
    return Dataset.open(str(small_shards))


def key_of(sample):
    return [int(sample.key[1:])]


def loader(small):
    return Loader(small, key_of, 100, threads=1)


nested = [[]]
for _ in range(5000):
    nested = [nested]
scalars = st.one_of(
    *(st.none(), st.booleans(), st.floats(), st.text(max_size=20), st.binary(max_size=4)),
    *(st.integers(), st.integers(0, 600), st.sampled_from([10**8, 2**63, -1, 10**5000, -(10**5000)])),
)
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=14),
    st.lists(st.text(max_size=3), max_size=14),
    st.dictionaries(st.text(max_size=5), scalars, max_size=3),
    st.just(nested),
)
NAMES = ("version", "fingerprint", "seed", "epoch", "lanes", "samples", "shuffle", "skipped")


@settings(max_examples=300, deadline=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([*NAMES, "more"]), values, min_size=1, max_size=3), st.booleans())
def test_a_changed_state_is_refused_or_a_position_of_the_loader(small, changes, is_whole):
    one = loader(small)
    before = one.state_dict()
    state = {**before, **changes} if is_whole else changes
    try:
        one.load_state_dict(state)
    except UsageError:
        assert one.state_dict() == before
    else:
        assert one.lanes <= 1 << 20
        assert 0 <= one.state_dict()["samples"] < len(small)
        repr(one)
        json.dumps(one.state_dict())


@pytest.mark.parametrize(
    "state", [None, [], "", 0, {}, {"version": 1}, nested, {None: 1}, {(): ()}, {"version": nested}]
)
def test_another_value_than_a_state_is_refused(small, state):
    with pytest.raises(UsageError, match="this is not the state of a wds-imagenet loader"):
        loader(small).load_state_dict(state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"skipped": ["k"] * 11}, "counts 11 skipped samples; a loader of 500 samples skips at most 10"),
        ({"skipped": [7]}, "cannot have the skipped key 7"),
        ({"lanes": 10**8}, "an order needs at least one lane, and at most 1048576; not 100000000"),
        ({"lanes": 0}, "at least one lane"),
        ({"lanes": 10**5000}, "not a number of 16610 bits"),
        ({"epoch": 2**63}, "cannot have epoch 9223372036854775808"),
        ({"epoch": -1}, "cannot have epoch -1"),
        ({"samples": 501}, "the state counts 501 samples, and the data set has 500"),
        ({"samples": True}, "cannot have samples True"),
        ({"seed": 10**5000}, "the state has seed a number of 16610 bits, this loader 0"),
        ({"version": 2}, "the state is of version 2; this release reads 1"),
        ({"epoch": nested}, r"cannot have epoch \[\[\["),
    ],
)
def test_each_wrong_field_is_named(small, change, message):
    one = loader(small)
    with pytest.raises(UsageError, match=message):
        one.load_state_dict({**one.state_dict(), **change})


def test_a_state_with_as_many_skipped_samples_as_allowed_is_continued(small):
    one = loader(small)
    one.load_state_dict({**one.state_dict(), "samples": 100, "skipped": [str(i) for i in range(10)]})
    assert [len(batch.keys) for batch in one] == [100] * 4
    assert len(one.state_dict()["skipped"]) == 10


def test_one_rank_skips_a_thousandth_of_the_samples_or_ten():
    assert [most_skipped(n) for n in (0, 9_999, 10_999, 11_000, 1_281_167)] == [10, 10, 10, 11, 1281]


def test_any_seed_of_a_loader_is_kept_in_its_state(small):
    for seed in (-1, 2**64 + 5, 10**5000):
        one = Loader(small, key_of, 100, seed=seed)
        one.load_state_dict(one.state_dict())


def test_every_state_survives_json():
    state = LoaderState("f", -3, 7, 240, 96, shuffle=False, skipped=("a", "b"))
    assert LoaderState.from_dict(json.loads(json.dumps(state.to_dict()))) == state


divisors = {lanes: [w for w in range(1, 25) if lanes % w == 0] for lanes in (1, 7, 24, 36, 240)}


@st.composite
def runs(draw):
    """Return a data set, a global batch, and the parts of an epoch: each with its world size and batches."""
    counts = draw(st.lists(st.integers(0, 25), min_size=1, max_size=40).filter(any))
    lanes = draw(st.sampled_from([*divisors]))
    worlds = st.sampled_from(divisors[lanes])
    parts = draw(st.lists(st.tuples(worlds, st.integers(1, 9), st.integers(1, 6)), max_size=5))
    return counts, lanes, [*parts, (draw(worlds), draw(st.integers(1, 9)), None)]


@given(runs(), st.sampled_from(["short", "pad"]), st.booleans())
def test_an_epoch_resumed_anywhere_on_any_ranks_has_each_sample_once(run, last, shuffle):
    counts, lanes, parts = run
    order = EpochOrder(np.array(counts), 1, 2, lanes, shuffle=shuffle)
    seen, samples = Counter(), 0
    for world_size, batch_size, batches in parts:
        slices = [RankSlice(rank, world_size, batch_size, last) for rank in range(world_size)]
        starts = slices[0].starts(samples, order.samples)[:batches]
        for start in starts:
            for one in slices:
                entries = one.entries(start, order.samples)
                seen.update(order.locate(entries).number.tolist())
                assert 1 <= one.rows(len(entries)) <= batch_size
                assert len(entries) <= one.rows(len(entries))
            samples = min(start + slices[0].global_batch, order.samples)
    assert seen == Counter(range(order.samples))


def test_a_position_moves_as_the_loader_does():
    first = Position(240, 3)
    assert first.next_pass() == first
    after = first.after(48, ("k",))
    assert after.next_pass() == Position(240, 4)
    assert after.set_epoch(3) == Position(240, 3)
    assert first.set_epoch(3) is first
    loaded = Position(240, 3, 48)
    assert loaded.set_epoch(3) is loaded
    assert loaded.set_epoch(4) == Position(240, 4)
