"""`leadheat links`: makes the links of e-mails, for one person or for a file of them."""

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy import settings
from deploy.errors import DeployError
from deploy.settings import Settings

if TYPE_CHECKING:
    from connectors.ingest.link_tokens import Link, LinkKeys

_READ: Final = ("lead_id", "to", "campaign", "message_id")
_WRITTEN: Final = ("click_url", "honeypot_url", "open_url")


class LinksError(DeployError):
    """A list that no links can be made of."""


def links(
    lead: Annotated[str | None, typer.Option(metavar="ID", help="The lead that the e-mail goes to.")] = None,
    to: Annotated[str | None, typer.Option(metavar="URL", help="Where a click leads.")] = None,
    campaign: Annotated[str | None, typer.Option(help="The campaign, as the grid names it.")] = None,
    message: Annotated[str | None, typer.Option(metavar="ID", help="The e-mail's own id.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="A list (- for standard input) with a column lead_id, and to, campaign, message_id where "
            "they differ; printed with click_url and open_url (and honeypot_url).",
        ),
    ] = None,
    tie: Annotated[
        bool, typer.Option("--tie", help="A click also tells the site's script whose browser it is.")
    ] = False,
    honeypot: Annotated[
        bool,
        typer.Option("--honeypot", help="Also a link for where nobody sees it: who follows it is a robot."),
    ] = False,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="The source (LEADHEAT_SOURCES) whose rules hold.")
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(metavar="URL", help="Where mail programs reach the gateway.")
    ] = None,
) -> None:
    """Make links that tell of clicks and openings.

    Signed with LEADHEAT_LINK_KEY, which the gateway must have too.
    """
    from connectors.ingest.link_tokens import LinkKeys

    if (lead is None) == (file is None):
        raise typer.BadParameter("expected either --lead, or --csv", param_hint="--lead")
    loaded = settings.load()
    if honeypot and file is None and to is None:
        raise typer.BadParameter("expected --to: a honeypot leads somewhere too", param_hint="--honeypot")
    maker = _Maker(LinkKeys(loaded.link_keys()), gateway or _address(loaded), tie, honeypot, source)
    given = {"to": to, "campaign": campaign, "message_id": message}
    if file is not None:
        _list(file, maker, given)
        return
    made = maker.links({**given, "lead_id": lead})
    for name, address in made.items():
        typer.echo(f"{name}: {address}")


class _Maker:
    """Makes the links of one mailing."""

    def __init__(
        self, keys: "LinkKeys", gateway: str, ties: bool, honeypot: bool, source: str | None
    ) -> None:
        from connectors.ingest.link_tokens import require_target

        self._keys = keys
        self._gateway = gateway.rstrip("/")
        self._ties = ties
        self._source = source
        self.written = [name for name in _WRITTEN if honeypot or name != "honeypot_url"]
        require_target(self._gateway)

    def links(self, row: Mapping[str, str | None]) -> dict[str, str]:
        """The link of a click, where the row says where it leads, and that of the pixel."""
        from msgspec.structs import replace

        from connectors.ingest.link_tokens import Link, encoded

        lead, to, campaign, message = (row.get(name) or None for name in _READ)
        made = {}
        if to is not None:
            click = Link("click", lead or "", campaign, message, encoded(to), source=self._source)
            made["click_url"] = self._click(replace(click, ties=self._ties))
            if "honeypot_url" in self.written:
                made["honeypot_url"] = self._click(replace(click, honeypot=True))
        pixel = Link("open", lead or "", campaign, message, source=self._source)
        return {**made, "open_url": f"{self._gateway}/o/{self._keys.sign(pixel)}.gif"}

    def _click(self, link: "Link") -> str:
        return f"{self._gateway}/c/{self._keys.sign(link)}"


def _list(file: Path, maker: _Maker, given: Mapping[str, str | None]) -> None:
    text = _text(file)
    header = text.partition("\n")[0]
    comma = ";" if ";" in header and "," not in header else ","  # as a French spreadsheet writes it
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
    names = [name.strip() for name in reader.fieldnames or ()]
    if "lead_id" not in names:
        raise LinksError(
            f"{file}:1: no column lead_id: expected some of {', '.join(_READ)} in the first line"
        )
    reader.fieldnames = names
    kept = [name for name in names if name not in _WRITTEN]
    writer = csv.DictWriter(
        sys.stdout, [*kept, *maker.written], delimiter=comma, extrasaction="ignore", lineterminator="\n"
    )
    rows = list(_rows(file, reader, maker, given))  # all or nothing: half a mailing is worse than none
    writer.writeheader()
    writer.writerows(rows)


def _rows(
    file: Path, reader: "csv.DictReader[str]", maker: _Maker, given: Mapping[str, str | None]
) -> Iterator[dict[str, str | None]]:
    from connectors.ingest.link_tokens import LinkError

    try:
        for row in reader:
            own = {name: value for name, value in row.items() if name in _READ and value}
            yield {**row, **dict.fromkeys(maker.written, ""), **maker.links({**given, **own})}
    except (csv.Error, LinkError) as error:
        raise LinksError(f"{file}:{reader.line_num}: {error}") from None


def _text(file: Path) -> str:
    try:
        found = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return found.decode("utf-8-sig")
    except OSError as error:
        raise LinksError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise LinksError(f"{file} is no UTF-8: save it as CSV UTF-8") from None


def _address(loaded: Settings) -> str:
    return f"http://{loaded.host}:{loaded.port}"
