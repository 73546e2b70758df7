"""Pytest plugin: skips tests of real data where it is missing, and lists the promises left untested."""

import re
from collections.abc import Iterator

import pytest
from real_data import find_real_data

PROMISE = "needs the real data: "
MARKER = "genuine(promise): the test needs the real data of $WDS_IMAGENET_DATA, and checks this promise"
OPTION = "--no-unseen-skips"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        OPTION, action="store_true", help="fail if a test skips for a reason not in `seen_skips`"
    )
    parser.addini("seen_skips", "regular expressions of the reasons for which a test may skip", "linelist")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("genuine")
    if marker is not None and find_real_data() is None:
        pytest.skip(PROMISE + marker.args[0])


def list_skips(config: pytest.Config) -> dict[str, list[str]]:
    """Return the skipped tests' ids by reason."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    found: dict[str, list[str]] = {}
    for report in reporter.stats.get("skipped", []) if reporter else []:
        if isinstance(report.longrepr, tuple):
            found.setdefault(report.longrepr[2].removeprefix("Skipped: "), []).append(report.nodeid)
    return found


def unseen(config: pytest.Config) -> list[str]:
    """Return the reasons that no regular expression of `seen_skips` matches."""
    seen = [re.compile(pattern) for pattern in config.getini("seen_skips")]
    return [reason for reason in list_skips(config) if not any(one.match(reason) for one in seen)]


def summarize(skips: dict[str, list[str]]) -> Iterator[str]:
    """Yield a line for each reason, and a count."""
    for reason, tests in sorted(skips.items()):
        functions = sorted({test.partition("[")[0] for test in tests})
        more = f" and {len(functions) - 1} more" if len(functions) > 1 else ""
        yield f"not tested here: {reason} ({functions[0]}{more})"
    tests = [test for group in skips.values() for test in group]
    functions = {test.partition("[")[0] for test in tests}
    yield f"{len(functions)} test functions with {len(tests)} cases skipped"


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    skips = list_skips(config)
    if not skips:
        return
    terminalreporter.section("untested promises")
    for line in summarize(skips):
        terminalreporter.line(line)
    if config.getoption(OPTION):
        for reason in unseen(config):
            terminalreporter.line(
                f"UNSEEN: {reason!r} matches no line of `seen_skips` in pyproject.toml", red=True
            )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if (
        session.config.getoption(OPTION)
        and unseen(session.config)
        and session.exitstatus == pytest.ExitCode.OK
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
