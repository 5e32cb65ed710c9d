"""`leadheat parked list|retry|drop`: alerts that could not be delivered, and what CRMs did not take."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from deploy import settings
from deploy.commands.on_kafka import Kafka, answering
from deploy.errors import DeployError
from deploy.settings import Settings

if TYPE_CHECKING:
    from deploy.parked import Outcome, Parked

app = typer.Typer(
    name="parked",
    help="List alerts that could not be delivered and what CRMs did not take, try again, or let go.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_NARROWEST: Final = 120  # columns; reasons are read whole


class NothingParkedError(DeployError):
    """What was named is not parked."""


Channel = Annotated[str | None, typer.Option(help="Only those of this channel; `sync`: of CRMs.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID...", help="Those to take, as `list` calls them, or an alert's id."),
]
All = Annotated[bool, typer.Option("--all", help="All that are parked.")]


@app.command("list")
def list_parked(
    channel: Channel = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    kafka: Kafka = None,
) -> None:
    """Show what is parked, oldest first."""
    _, found = _parked(kafka, channel)
    if as_json:
        for one in found:
            typer.echo(msgspec.json.encode(_shown(one)).decode())
    else:
        _print(found)


@app.command("retry")
def retry(names: Names = None, channel: Channel = None, every: All = False, kafka: Kafka = None) -> None:
    """Try again under the same ids, with all attempts anew.

    `leadheat notify` does so with alerts, `leadheat sync` with what CRMs did not take.
    """
    _tell(names, channel, every, kafka, "retry")


@app.command("drop")
def drop(names: Names = None, channel: Channel = None, every: All = False, kafka: Kafka = None) -> None:
    """Let go; nothing is delivered."""
    _tell(names, channel, every, kafka, "dropped")


def _tell(
    names: list[str] | None, channel: str | None, every: bool, kafka: str | None, outcome: "Outcome"
) -> None:
    if not names and not channel and not every:
        raise typer.BadParameter("say which: ids, --channel NAME, or --all", param_hint="ID")
    loaded, found = _parked(kafka, channel)
    if names:
        unknown = [name for name in names if not any(one.is_called(name) for one in found)]
        if unknown:
            raise NothingParkedError(
                f"nothing parked is called {', '.join(unknown)}: see `leadheat parked list`"
            )
        found = [one for one in found if any(map(one.is_called, names))]
    broken = [one for one in found if one.id is None]
    if outcome == "retry" and broken:
        if names:
            raise NothingParkedError(
                f"{broken[0].mark} is no alert, it can only be dropped: {broken[0].reason}"
            )
        found = [one for one in found if one.id is not None]

    from deploy.parked import tell

    asyncio.run(tell(loaded.require_kafka(), loaded.topic_prefix, found, outcome, settings.wall_clock()))
    typer.echo(f"{len(found)} {'asked for again' if outcome == 'retry' else 'let go'}", err=True)


def _parked(kafka: str | None, channel: str | None) -> "tuple[Settings, list[Parked]]":
    loaded = answering(kafka)

    from deploy.parked import parked

    found = asyncio.run(parked(loaded.require_kafka(), loaded.topic_prefix))
    return loaded, [one for one in found if channel in (None, one.channel)]


def _shown(one: "Parked") -> dict[str, Any]:
    alert = msgspec.json.decode(one.alert)
    return {
        "id": one.mark,
        "at": one.at,
        "channel": one.channel,
        "destination": one.destination,
        "lead": one.lead,
        "alert": one.id,
        "play": alert.get("play") if isinstance(alert, dict) else None,
        "place": one.place,
        "reason": one.reason,
    }


def _print(found: "list[Parked]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("id", "when", "channel", "destination", "lead", "reason", box=None, pad_edge=False)
    for one in found:
        cells = (one.mark, one.at, one.channel, one.destination, one.lead, one.reason)
        table.add_row(*(Text(cell or "") for cell in cells))  # what strangers typed is no markup
    terminal = Console(highlight=False)
    terminal.width = max(terminal.width, _NARROWEST)
    terminal.print(table if found else "nothing is parked")
