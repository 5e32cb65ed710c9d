"""`leadheat import`: takes in what was recorded elsewhere before, without ringing anybody."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy import ports, settings
from deploy.commands.on_kafka import Kafka
from deploy.errors import DeployError
from deploy.history.formats import Format
from deploy.settings import Settings

if TYPE_CHECKING:
    from rich.progress import Progress

    from deploy.history.importing import Importing
    from deploy.history.tally import Tally


class NothingImportedError(DeployError):
    """Every row was rejected."""


def import_history(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Archives, plain or gzip, in order of time.")
    ],
    format_: Annotated[
        Format | None, typer.Option("--format", help="What the files hold [as their first lines look].")
    ] = None,
    map_: Annotated[
        Path | None, typer.Option("--map", metavar="MAP.yml", help="What the columns of CSV files mean.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and count everything, publish nothing.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Also what was imported before: what the leads have forgotten the ids of counts twice.",
        ),
    ] = False,
    kafka: Kafka = None,
) -> None:
    """Import history: events, archives of Segment's or Snowplow's, CSV.

    It is scored, and sets off no alert. Started again, it goes on where it stopped; what was imported, under
    any name, is skipped. Rows that are not taken are in FILE.rejected.jsonl.
    """
    loaded = settings.load(kafka=kafka)
    if not dry_run:
        ports.require_broker(loaded.require_kafka())

    from connectors.ingest.mapping import load_mapping
    from deploy.history.archive import Archive
    from deploy.history.csv_mapping import load_csv_mapping
    from deploy.history.formats import reading
    from deploy.history.importing import Importing
    from deploy.history.records import Stamp

    mappings = load_mapping(loaded.mapping)
    columns = load_csv_mapping(map_) if map_ else None
    archives = [Archive(path) for path in files]
    readings = [(one, reading(one, format_, columns, mappings)) for one in archives]
    clock = settings.wall_clock
    most_bytes = 2 * loaded.max_event_bytes  # as the gateway lets a tracker's event grow by the translation
    stamp = Stamp(clock(), loaded.raw_retention_days, most_bytes, loaded.retention())
    with _bar() as bar:
        task = bar.add_task("Importing", total=sum(one.size for one in archives))
        importing = Importing(readings, stamp, clock, lambda read: bar.update(task, completed=read))
        asyncio.run(importing.dry_run() if dry_run else _import(loaded, importing, again))
    _tell(importing.tally, dry_run)


async def _import(loaded: Settings, importing: "Importing", again: bool) -> None:
    from connectors.ingest.config import GatewayConfig
    from deploy import topics

    kafka = loaded.require_kafka()
    report = await topics.ensure(kafka, loaded, loaded.partitions)
    if report.problems:
        raise DeployError("\n".join(map(str, report.problems)))
    config = GatewayConfig(
        kafka=kafka,
        topic_prefix=loaded.topic_prefix,
        write_keys=(),
        clock=settings.wall_clock,
        linger_ms=0,
        delivery_timeout_s=loaded.delivery_timeout_s,
    )
    await importing.run(config, again=again)


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import Progress

    return Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _tell(tally: "Tally", dry_run: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("to import" if dry_run else "imported")
    table.add_column("", justify="right")
    table.add_row("rows read", f"{tally.rows:,}")
    if tally.before:
        table.add_row("rows imported before", f"{tally.before:,}")
    for event_type, count in sorted(tally.types.items()):
        table.add_row(event_type, f"{count:,}")
    table.add_row("ids", f"{tally.ids:,}", end_section=True)
    for reason, count in tally.rejected.most_common():
        table.add_row(f"rejected: {reason}", f"{count:,}")
    Console(highlight=False, markup=False).print(table)
    if tally.rejected and not tally.types:
        raise NothingImportedError("every row was rejected: see the reasons")
