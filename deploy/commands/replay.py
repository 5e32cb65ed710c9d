"""`leadheat replay`: puts dead letters back on the topics they came from, once scoring can read them."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.commands.on_kafka import Kafka, answering
from deploy.errors import DeployError

if TYPE_CHECKING:
    from streams.replay import Tally


class SinceError(DeployError):
    """A time that can't be read."""


def replay(
    error_class: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Only of this errors.class (repeatable)."),
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option(metavar="TOPIC", help="Only from this topic (repeatable).")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what failed at or after this (RFC 3339).")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="Do it; without it, only count.")] = False,
    kafka: Kafka = None,
) -> None:
    """Put records of the failed topic back where they came from."""
    loaded = answering(kafka)
    address = loaded.require_kafka()

    from scorer.topics import full_name
    from streams import replay as replaying

    prefix = loaded.topic_prefix
    choice = replaying.Choice(
        frozenset(error_class or ()),
        frozenset(one if one.startswith(f"{prefix}.") else full_name(prefix, one) for one in topic or ()),
        None if since is None else _milliseconds(since),
    )
    _tell(asyncio.run(replaying.replay(address, prefix, choice, send=send)), send)


def _milliseconds(text: str) -> int:
    from scorer.times import parse_time

    try:
        return parse_time(text) // 1_000
    except ValueError as error:
        raise SinceError(f"--since {text}: {error}") from None


def _tell(tally: "Tally", sent: bool) -> None:
    for (error_class, topic), count in sorted(tally.chosen.items()):
        typer.echo(f"{count}\t{error_class}\t{topic}")
    chosen = tally.chosen.total()
    done = f"{chosen - tally.too_large} put back" if sent else f"{chosen} to put back (do it with --send)"
    rest = [
        f"{count} {what}"
        for count, what in (
            (tally.too_large, "are larger than their topic takes: raise its max.message.bytes"),
            (tally.others, "not chosen"),
            (tally.before, "put back before"),
        )
        if count
    ]
    typer.echo("; ".join([done, *rest]), err=True)
