"""`leadheat topics`: creates or checks the topics."""

import asyncio
from typing import Annotated

import typer

from deploy import ports, settings
from deploy import topics as making
from deploy.errors import DeployError


class TopicsWrongError(DeployError):
    """Topics that are there, and not as they must be."""


def topics(
    kafka: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Kafka [LEADHEAT_KAFKA].")] = None,
) -> None:
    """Create or check the topics."""
    loaded = settings.load(kafka=kafka)
    address = loaded.require_kafka()
    ports.require_broker(address)

    report = asyncio.run(making.ensure(address, loaded, loaded.partitions))
    typer.echo(str(report))
    if report.problems:
        raise TopicsWrongError(f"{len(report.problems)} topics are not as they must be: see above")
