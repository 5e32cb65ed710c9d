"""Commands that speak with Kafka: the option that says where it is, and the settings once it answers."""

from typing import Annotated

import typer

from deploy import ports, settings
from deploy.settings import Settings

Kafka = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Kafka [LEADHEAT_KAFKA].")]


def answering(kafka: str | None, **given: object) -> Settings:
    """The settings, with what the command was given; UnreachableError where no broker answers."""
    loaded = settings.load(kafka=kafka, **given)
    ports.require_broker(loaded.require_kafka())
    return loaded
