"""`leadheat erase`: forgets a person everywhere, and proves it."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from deploy.commands.on_kafka import Kafka, answering
from deploy.errors import DeployError
from deploy.settings import Settings


class Raw(StrEnum):
    """When the events themselves go."""

    RETENTION = "retention"
    NOW = "now"


class NotAllDoneError(DeployError):
    """An erasure that left something that could have been removed, or a search that found something."""


_WARNING = (
    "--raw now deletes the events of everybody that were read so far: scores stay, but no timeline can be "
    "rebuilt from before this moment any more, should the cache be lost."
)


def erase(
    lead: Annotated[
        list[str] | None, typer.Argument(metavar="LEAD...", help="Any identities of the person.")
    ] = None,
    raw: Annotated[
        Raw, typer.Option(help="When the events themselves go: with their retention, or now, of everybody.")
    ] = Raw.RETENTION,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --raw now.")] = False,
    asked_by: Annotated[str | None, typer.Option(help="Who asked for it, for the receipt.")] = None,
    within: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for each of worker, serve, notify.")
    ] = 120.0,
    allow: Annotated[
        bool, typer.Option("--allow", help="Instead: what comes of an erased id from now on counts again.")
    ] = False,
    verify: Annotated[
        Path | None, typer.Option(metavar="RECEIPT", help="Instead: search for whom a receipt is about.")
    ] = None,
    log: Annotated[list[Path] | None, typer.Option(help="With --verify: a log file to search too.")] = None,
    kafka: Kafka = None,
    redis: Annotated[str | None, typer.Option(metavar="URL", help="The cache [LEADHEAT_REDIS].")] = None,
) -> None:
    """Forget a person everywhere.

    Prints a receipt, JSON. Status 1: not everything that can be done was done; the receipt says what is left.
    """
    if not lead and verify is None:
        raise typer.BadParameter("name the person by an identity", param_hint="LEAD")
    loaded = answering(kafka, redis=redis)
    ids = lead or []
    if verify is not None:
        _verify(loaded, verify, ids, log or [])
        return
    if allow:
        _allow(loaded, ids, within)
        return
    if raw is Raw.NOW and not yes:
        typer.confirm(f"{_WARNING} Go on?", abort=True, err=True)

    from deploy.privacy.erasing import Erasing

    erasing = Erasing(loaded, asked_by, within, _say)
    asyncio.run(erasing.run(set(ids), raw.value))
    _print(erasing.receipt.signed(loaded.erasure_secret()))
    if not erasing.receipt.complete:
        raise NotAllDoneError('not everything was done: see the receipt\'s places with "done": false')


def _allow(loaded: Settings, leads: list[str], within: float) -> None:
    from deploy.privacy.orders import Orders
    from scorer.handover import Allow

    orders = Orders(loaded.require_kafka(), loaded.topic_prefix, within)
    if not asyncio.run(orders.send(leads, Allow())):
        raise NotAllDoneError("no worker carried it out in time: it waits on the topic of hand-overs")
    _say("what comes of these ids from now on counts again")


def _verify(loaded: Settings, receipt: Path, leads: list[str], logs: list[Path]) -> None:
    from deploy.privacy import receipt as receipts
    from deploy.privacy.words import Hashed
    from scorer.blocks import Hasher

    try:
        told = receipts.load(receipt.read_bytes(), loaded.erasure_secret())
    except OSError as error:
        raise DeployError(f"{receipt} cannot be read: {error.strerror}") from None
    hasher = Hasher(loaded.erasure_secret())
    marks = Hashed(hasher, {*told["marks"], *(hasher.hash(one).hex() for one in leads)})
    places = asyncio.run(_search(loaded, marks, logs))
    found = sum(place["found"] for place in places)
    _print({"search": "leadheat-search/1", "at": receipts.now(), "found": found, "places": places})
    if found:
        raise NotAllDoneError(f"{found} traces are left: see the places, and the receipt for until when")


async def _search(loaded: Settings, marks: Any, logs: list[Path]) -> list[dict[str, Any]]:
    from deploy.privacy.cache import Cached
    from deploy.privacy.searching import search

    cached = Cached(loaded.require_redis(), loaded.topic_prefix) if loaded.redis else None
    try:
        return await search(loaded.require_kafka(), loaded.topic_prefix, marks, cached, logs, _say)
    finally:
        if cached is not None:
            await cached.close()


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _print(told: dict[str, Any]) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
