"""`leadheat up`: everything on one machine."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deploy import settings
from deploy.commands import grids


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
    kafka_port: Annotated[int, typer.Option(help="Port of the embedded broker.", min=1, max=65535)] = 9092,
    host: Annotated[str | None, typer.Option(help="Address of board and events [127.0.0.1].")] = None,
    grid: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The grid [the one that comes along].")
    ] = None,
    channels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where alerts go [the console].")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Play the sample leads: six weeks in minutes.")
    ] = False,
) -> None:
    """Run everything on one machine.

    Broker and store (embedded unless named), gateway, worker, board, alerts.
    Prints the addresses, the keys and then each alert as it comes. Ctrl-C stops it.
    """
    loaded = settings.load(kafka=kafka, redis=redis, port=port, host=host, grid=grid, channels=channels)
    read = grids.read(loaded.grid)
    if loaded.channels is not None:
        from connectors.notify.channels import load_channels

        load_channels(loaded.channels)  # wrong ones are told before anything starts

    from deploy import up as machine

    raise typer.Exit(asyncio.run(machine.run(loaded, machine.Options(read, kafka_port, demo))))
