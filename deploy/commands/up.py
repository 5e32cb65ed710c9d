"""`leadheat up`: everything on one machine."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy import roles, settings
from deploy.commands import grids
from deploy.errors import SettingsError
from deploy.settings import Settings

if TYPE_CHECKING:
    from deploy.durable import Durable


def up(
    kafka: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="A real Kafka; without it one is embedded.")
    ] = None,
    redis: Annotated[
        str | None, typer.Option(metavar="URL", help="A real Redis; without it one is embedded.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of board and events [8000].", min=1, max=65535)
    ] = None,
    kafka_port: Annotated[
        int, typer.Option(help="Port of the embedded broker, or of --data's Kafka.", min=1, max=65535)
    ] = 9092,
    host: Annotated[str | None, typer.Option(help="Address of board and events [127.0.0.1].")] = None,
    grid: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The grid [the one that comes along].")
    ] = None,
    channels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where alerts go [the console].")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep everything in this folder, on a real Kafka of its own (needs Java)."
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Play the sample leads: six weeks in minutes.")
    ] = False,
) -> None:
    """Run everything on one machine.

    Broker and store (embedded unless named), gateway, worker, board, alerts. What it holds is gone when it
    stops, unless --data names a folder to keep it in, or --kafka a Kafka.
    Prints the addresses, the keys and then each alert as it comes. Ctrl-C stops it.
    """
    began = time.monotonic()
    loaded = settings.load(
        kafka=kafka, redis=redis, port=port, host=host, grid=grid, channels=channels, data=data
    )
    _require_sense(loaded, demo)
    read = grids.read(loaded.grid)
    if loaded.channels is not None:
        from connectors.notify.channels import load_channels

        # wrong ones are told before anything starts
        load_channels(loaded.channels, mails=roles.mail(loaded) is not None)
    if loaded.sequences is not None:
        roles.nurture(loaded, alone=False)  # the same of sequences, and of who carries mails
    if loaded.team is not None:
        from connectors.office.team import load_team

        load_team(loaded.team)
    if loaded.sync is not None:
        from connectors.sync.sync_file import load_sync_file

        load_sync_file(loaded.sync, settings.environment())

    from deploy import up as machine

    options = machine.Options(read, kafka_port, demo, _kept(loaded, kafka_port), began)
    raise typer.Exit(asyncio.run(machine.run(loaded, options)))


def _require_sense(loaded: Settings, demo: bool) -> None:
    if loaded.data is not None and loaded.kafka is not None:
        raise SettingsError(
            "--data (LEADHEAT_DATA) keeps a Kafka of its own and --kafka (LEADHEAT_KAFKA) names another: "
            "leave one of them out"
        )
    if loaded.data is not None and demo:
        raise SettingsError(
            "--demo plays invented people, who would stay in --data (LEADHEAT_DATA) among the real ones for "
            "good: leave one of them out"
        )


def _kept(loaded: Settings, kafka_port: int) -> "Durable | None":
    if loaded.data is None:
        return None
    from deploy import durable

    return durable.prepare(loaded.data, loaded, kafka_port, lambda text: typer.echo(text, err=True))
