"""`leadheat suppressed list|lift`: addresses that get no mail any more, and how they may get some again."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from deploy import settings
from deploy.commands.on_kafka import Kafka, answering

if TYPE_CHECKING:
    from deploy.suppressed import Entry

app = typer.Typer(
    name="suppressed",
    help="List addresses that get no mail any more, or let them have some again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_suppressed(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    kafka: Kafka = None,
) -> None:
    """Show who gets no mail, since when, and why."""
    loaded = answering(kafka)

    from deploy.suppressed import Suppressions

    held = asyncio.run(
        Suppressions.read(loaded.require_kafka(), loaded.topic_prefix, loaded.erasure_secret())
    )
    found = list(held.entries())
    if as_json:
        for one in found:
            typer.echo(msgspec.json.encode(_shown(one)).decode())
    else:
        _print(found)


@app.command("lift")
def lift(
    names: Annotated[list[str], typer.Argument(metavar="WHO...", help="Addresses, or leads by their ids.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who says so; it stays in the lead's timeline.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stays there too.")],
    complained: Annotated[
        bool, typer.Option("--complained", help="Also where a mail was reported as spam.")
    ] = False,
    erased: Annotated[
        bool, typer.Option("--erased", help="Also where whoever had the address was erased since.")
    ] = False,
    kafka: Kafka = None,
) -> None:
    """Let mails go again to who asks for them, or whose address is mended.

    `leadheat nurture` does so when it reads the order. All are lifted, or, with status 1, none.
    """
    loaded = answering(kafka)

    from deploy import suppressed

    asyncio.run(
        suppressed.lift(
            loaded.require_kafka(),
            loaded.topic_prefix,
            loaded.erasure_secret(),
            list(dict.fromkeys(names)),
            suppressed.Asked(by, reason, complained, erased),
            settings.wall_clock(),
        )
    )
    typer.echo("mails may go again once `leadheat nurture` has read it", err=True)


def _shown(one: "Entry") -> dict[str, Any]:
    from scorer.times import Micros, format_time

    return {
        "address": one.address,
        "leads": list(one.leads),
        "why": one.why,
        "at": None if one.at is None else format_time(Micros(one.at)),
        "erased": one.erased,
        "hash": one.hashed,
    }


def _print(found: "list[Entry]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("address", "leads", "why", "since", box=None, pad_edge=False)
    for one in found:
        told = _shown(one)
        nobodys = "(erased)" if one.erased else "(no lead's)"
        cells = (one.address or nobodys, ", ".join(one.leads), one.why, told["at"] or "")
        table.add_row(*(Text(cell) for cell in cells))  # what strangers typed is no markup
    Console(highlight=False).print(table if found else "nobody is suppressed")
