"""`wds-imagenet repair`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from wds_imagenet.cli.exit_codes import ExitCode
from wds_imagenet.cli.output import echo, echo_json
from wds_imagenet.cli.shared_options import as_json, parse_pairs, storage_option
from wds_imagenet.util.messages import quantity

if TYPE_CHECKING:
    from wds_imagenet.repairing.report import RepairAction, RepairReport


@click.command()
@click.argument("url")
@click.option("--from", "copy", metavar="URL", help="Another copy of the data set, to take files from.")
@click.option(
    "--quarantine",
    is_flag=True,
    help="Leave shards out that cannot be mended. They move to .wds-imagenet/quarantine, and their keys are "
    "listed there. The fingerprint of the data set changes.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be done, and write nothing.")
@click.option(
    "--threads", default=4, show_default=True, type=click.IntRange(1), help="Threads that read shards."
)
@click.option(
    "--copy-storage-option",
    "copy_storage_options",
    multiple=True,
    metavar="NAME=VALUE",
    callback=parse_pairs,
    help="Option of the store of --from; may be repeated.",
)
@storage_option
@as_json
def repair(
    url: str,
    copy: str | None,
    quarantine: bool,
    dry_run: bool,
    threads: int,
    copy_storage_options: dict[str, str],
    storage_options: dict[str, str],
    json: bool,
) -> int:
    """Mend the data set at URL and its label layers, or leave damaged shards out.

    repair mends a shard only from --from. It mends the manifest from --from, or from the plan and the
    receipts, or else by reading the shards, whose bytes nothing proves then. It mends keys.txt, the report
    and the files of other readers from the manifest, the receipts and the shards. It changes only files that
    are not as they were packed, and no README.md that is there. It reads back every file that it writes, and
    writes each manifest last. It exits with code 3 if a fault remains.
    """
    from wds_imagenet.repairing.api import repair as repair_data_set

    def on_action(action: "RepairAction") -> None:
        if not json:
            echo(f"{'would mend' if dry_run else 'mended'} {action}")

    report = repair_data_set(
        url,
        copy=copy,
        quarantine=quarantine,
        dry_run=dry_run,
        threads=threads,
        storage_options=storage_options,
        copy_storage_options=copy_storage_options,
        on_action=on_action,
    )
    if json:
        echo_json({"ok": report.ok, **asdict(report)})
    else:
        echo("\n".join(_lines(report)))
    return ExitCode.DONE if report.ok else ExitCode.BAD_DATA


def _lines(report: "RepairReport") -> list[str]:
    lines = [f"note: {note}" for note in report.notes]
    lines += [f"lost: {key}" for key in report.lost_keys]
    lines += [f"bad: {finding}" for finding in report.left]
    if report.old_fingerprint is not None:
        lines.append(f"the fingerprint changes from {report.old_fingerprint} to {report.fingerprint}")
    done = quantity(len(report.actions), "files")
    left = f"; {quantity(len(report.left), 'faults are left')}" if report.left else ""
    if not report.actions and not report.left:
        lines.append(f"{report.url}: nothing to repair")
    else:
        lines.append(f"{report.url}: {done} {'would be changed' if report.dry_run else 'changed'}{left}")
    return lines
