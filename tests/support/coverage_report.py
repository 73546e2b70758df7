"""Pytest plugin: with `--cov`, prints the coverage of the package, and the files below a threshold."""

from pathlib import Path

import pytest

THRESHOLD = 90  # per cent of a file's statements
SHOWN = 15


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    plugin = config.pluginmanager.get_plugin("_cov")
    controller = plugin.cov_controller if plugin is not None else None
    if controller is None or not controller.cov.get_data().measured_files():
        return
    below, statements, missing = [], 0, 0
    for name in sorted(controller.cov.get_data().measured_files()):
        _, lines, _, missed, _ = controller.cov.analysis2(name)
        statements, missing = statements + len(lines), missing + len(missed)
        share = 100 * (1 - len(missed) / len(lines)) if lines else 100.0
        if share < THRESHOLD:
            below.append((share, Path(name).relative_to(config.rootpath).as_posix()))
    terminalreporter.section("coverage of the test processes; child processes are not measured")
    for share, name in sorted(below)[:SHOWN]:
        terminalreporter.line(f"{share:3.0f}%  {name}")
    if len(below) > SHOWN:
        terminalreporter.line(f"      and {len(below) - SHOWN} more files")
    total = 100 * (1 - missing / max(statements, 1))
    terminalreporter.line(
        f"{total:3.0f}%  of {statements:,} statements, {len(below)} files below {THRESHOLD}%"
    )
