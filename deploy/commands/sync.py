"""`leadheat sync`: keeps CRMs in step, or says what they lack."""

import asyncio
from typing import Annotated

import typer

from deploy import collecting, logs, ports, settings
from deploy import roles as configurations
from deploy.settings import Settings


def sync(
    check: Annotated[
        bool, typer.Option("--check", help="Ask every CRM whether it lets us in and has the fields; no more.")
    ] = False,
    prepare: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Make our fields in this CRM, after showing which."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --prepare: make them without asking.")] = False,
) -> None:
    """Keep CRMs in step: scores out, people and outcomes in."""
    loaded = settings.load()
    logs.configure(loaded)
    if check or prepare is not None:
        _at_once(loaded, prepare, yes)
        return
    config = configurations.sync(loaded)
    if loaded.metrics_port is not None:
        everywhere = "0.0.0.0"  # noqa: S104 (a container's Prometheus comes from outside)
        ports.require_free(everywhere, loaded.metrics_port, "/metrics", f"{settings.PREFIX}METRICS_PORT")

    from connectors.sync import role

    collecting.settle()
    asyncio.run(role.run(config))


def _at_once(loaded: Settings, prepare: str | None, yes: bool) -> None:
    """What needs the CRMs and no Kafka."""
    from connectors.sync import role

    config = configurations.sync(loaded, kafka=False)
    if prepare is None:
        for line in asyncio.run(role.check(config)):
            typer.echo(line)
        return
    missing = asyncio.run(role.prepare(config, prepare, do=False))
    if not missing:
        typer.echo(f"{prepare} has every field already")
        return
    for line in missing:
        typer.echo(line)
    if yes or typer.confirm(f"Make these in {prepare}?", err=True):
        asyncio.run(role.prepare(config, prepare, do=True))
        typer.echo("made")
    else:
        typer.echo("nothing was made", err=True)
        raise typer.Exit(1)
