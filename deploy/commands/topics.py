"""`leadheat topics`: creates or checks the topics."""

import asyncio

import typer

from deploy import topics as making
from deploy.commands.on_kafka import Kafka, answering
from deploy.errors import DeployError


class TopicsWrongError(DeployError):
    """Topics that are there, and not as they must be."""


def topics(
    kafka: Kafka = None,
) -> None:
    """Create or check the topics."""
    loaded = answering(kafka)
    address = loaded.require_kafka()

    report = asyncio.run(making.ensure(address, loaded, loaded.partitions))
    typer.echo(str(report))
    if report.problems:
        raise TopicsWrongError(f"{len(report.problems)} topics are not as they must be: see above")
