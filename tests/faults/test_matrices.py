"""A sample of the laboratory's matrices: no sample is lost, doubled or changed, and nothing hangs or crashes.

`bin/soak` runs every case of them.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from faults import disks, flips, kills, packs, races, reads
from faults.campaigns import CAMPAIGNS, results
from faults.disk import NoCompilerError
from faults.lab import Lab, laboratory
from faults.outcome import Result

from wds_imagenet.errors import MissingExtraError

COUNTS = {"obstore": 18, "fsspec": 10}  # a client of s3fs costs half a second

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    try:
        with laboratory(slack=2) as running:
            yield running
    except (NoCompilerError, MissingExtraError) as error:
        pytest.skip(str(error))


def sample(cases: Iterable[Any], count: int, wanted: Callable[[Any], bool] = lambda _: True) -> list[Any]:
    """Return some cases, the same ones in every run of the same cases."""
    return random.Random(12).sample([case for case in cases if wanted(case)], count)


def run(lab: Lab, name: str, cases: Iterable[Any]) -> list[Result]:
    found = [result for case in cases for result in results(CAMPAIGNS[name], lab, case)]
    assert [str(result) for result in found if result.is_bad] == []
    return found


@pytest.mark.parametrize("engine", reads.ENGINES)
def test_an_epoch_under_a_fault_is_right_or_one_clear_error(lab: Lab, engine: str) -> None:
    cases = sample(reads.cases(), COUNTS[engine], lambda case: case.engine == engine and not case.process)
    by_name = {str(case): case for case in cases}
    found = run(lab, "reads", cases)
    assert [str(one) for one in found if by_name[one.case].must_be_right and one.outcome != "right"] == []


def test_an_epoch_in_two_processes_is_right_or_one_clear_error(lab: Lab) -> None:
    run(lab, "reads", sample(reads.cases(), 3, lambda case: case.process and case.times != "for ever"))


@pytest.mark.parametrize("engine", packs.ENGINES)
def test_a_pack_under_a_fault_is_right_or_the_next_run_finishes_it(lab: Lab, engine: str) -> None:
    def is_quick(case: packs.Pack) -> bool:
        return case.engine == engine and case.times != "for ever" and not packs.is_large(case)

    run(lab, "packs", sample(packs.cases(), COUNTS[engine] // 2, is_quick))


def test_an_upload_in_parts_under_a_fault_is_right_or_the_next_run_finishes_it(lab: Lab) -> None:
    run(lab, "packs", sample(packs.cases(), 1, lambda case: case.times == "once" and packs.is_large(case)))


def test_a_packer_killed_at_an_effect_is_finished_by_the_next(lab: Lab) -> None:
    run(lab, "kills", sample(kills.cases(lab, ("small",)), 10))


def test_a_disk_that_fails_gives_the_right_data_or_one_clear_error(lab: Lab) -> None:
    run(lab, "disks", sample(disks.cases(lab), 24))


def test_two_packers_at_once_leave_one_whole_data_set(lab: Lab) -> None:
    run(lab, "races", sample(races.cases(), 6))


@pytest.mark.parametrize(
    ("action", "file"),
    [(a, file) for a, files in flips.ACTIONS.items() for file in files],
)
def test_a_flipped_bit_is_found_or_harmless(lab: Lab, action: str, file: str) -> None:
    def fits(case: flips.Flips) -> bool:
        return (case.action, case.file) == (action, file)

    (cell,) = sample(flips.cases(lab), 1, fits)
    run(lab, "flips", [flips.Flips(action, file, cell.bits[::15])])
