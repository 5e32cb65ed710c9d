"""`leadheat export`: everything held on a person, as one JSON document."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deploy.commands import grids
from deploy.commands.on_kafka import Kafka, answering


def export(
    lead: Annotated[list[str], typer.Argument(metavar="LEAD...", help="Any identities of the person.")],
    grid: Annotated[
        Path | None,
        typer.Option(metavar="G.yml", help="The grid that scores are explained by [LEADHEAT_GRID]."),
    ] = None,
    kafka: Kafka = None,
) -> None:
    """Show everything held on a person.

    Prints one JSON document. Status 1 where nothing is held.
    """
    loaded = answering(kafka, grid=grid)
    address = loaded.require_kafka()
    read = grids.read(loaded.grid)

    from deploy.privacy.exporting import Exporting
    from scorer.plan import Plan

    exporting = Exporting(address, loaded.topic_prefix, Plan(read), lambda text: typer.echo(text, err=True))
    document = asyncio.run(exporting.run(set(lead)))
    typer.echo(msgspec.json.format(msgspec.json.encode(document)).decode())
