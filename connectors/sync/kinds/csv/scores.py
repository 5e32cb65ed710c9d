"""The file of scores: a line for each person who has an e-mail, always whole."""

import asyncio
import contextlib
import csv
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from connectors.sync.crm import Destination, Found, Page, Refusal, Task, Telling, Tie
from connectors.sync.errors import AwayError
from connectors.sync.standing import Standing

_EMAIL: Final = "email"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""
Lines = dict[str, dict[str, str]]


class Scores:
    """One file, which is ours alone; a line that people delete comes back with the next news."""

    def __init__(self, destination: Destination, path: Path, delimiter: str) -> None:
        self._path = path
        self._delimiter = delimiter
        self._own = {} if destination.writes is None else destination.writes.fields

    def values(self, standing: Standing) -> Mapping[str, Any]:
        """By our columns, as texts that no spreadsheet takes for formulas."""
        told = standing.fields() | {"score": f"{standing.score:.10g}", "reasons": "; ".join(standing.reasons)}
        return {
            column: told[ours] if ours == "score" else _harmless(told[ours])
            for ours, column in self._own.items()
        }

    async def find(self, ties: Sequence[Tie]) -> Mapping[str, Found | Refusal]:
        """Whoever has an e-mail: a line is made for those who have none yet."""
        lines = await asyncio.to_thread(self._read)
        found: dict[str, Found | Refusal] = {}
        for tie in ties:
            email = (tie.email or "").strip().lower()
            if not email:
                continue
            if email.startswith(_FORMULA):
                found[tie.lead] = Refusal("a spreadsheet would take the e-mail for a formula")
                continue
            held = lines.get(email, {})
            lead = held.get(self._own.get("lead_id", ""))
            named = tie.lead if lead == _harmless(tie.lead) else lead
            found[tie.lead] = Found(email, named or None, email, held)
        return found

    async def tell(self, tellings: Sequence[Telling]) -> Sequence[Refusal | None]:
        """All of them or none: the new file takes the place of the old one at once."""
        await asyncio.to_thread(self._tell, tellings)
        return [None] * len(tellings)

    async def add_task(self, task: Task, *, again: bool) -> Refusal | None:
        """There are none in a file; no sync file asks for one."""
        raise NotImplementedError

    async def read(self, cursor: str | None) -> Page:
        """Nothing is read of it."""
        raise NotImplementedError

    async def check(self) -> list[str]:
        """Whether the file can be written, and what is there is one of ours."""
        if not os.access(self._path.parent, os.W_OK | os.X_OK):
            return [f"{self._path.parent} is no folder that we may write to"]
        try:
            await asyncio.to_thread(self._read)
        except AwayError as error:
            return [str(error)]
        return []

    async def prepare(self, *, do: bool) -> list[str]:
        """Nothing has to be made before."""
        return []

    def _read(self) -> Lines:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
            raise AwayError(f"{self._path} can't be read ({why})") from None
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=self._delimiter)
        if text and _EMAIL not in (rows.fieldnames or ()):
            raise AwayError(f"{self._path} is no file of scores: move it away, and one is made")
        columns = set(self._own.values())
        return {
            row[_EMAIL]: {name: value for name, value in row.items() if name in columns and value is not None}
            for row in rows
        }

    def _tell(self, tellings: Sequence[Telling]) -> None:
        lines = self._read()
        for one in tellings:
            lines[one.record] = dict(one.values)
        out = io.StringIO(newline="")
        writer = csv.DictWriter(
            out, [_EMAIL, *self._own.values()], restval="", delimiter=self._delimiter, lineterminator="\r\n"
        )
        writer.writeheader()
        writer.writerows({_EMAIL: email, **line} for email, line in sorted(lines.items()))
        try:
            _replace(self._path, out.getvalue().encode())
        except OSError as error:
            raise AwayError(f"{self._path} can't be written ({error.strerror})") from None


def _harmless(text: str) -> str:
    """A text that a spreadsheet shows as it is.

    >>> _harmless("=1+1"), _harmless("Pricing +20")
    ("'=1+1", 'Pricing +20')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def _replace(path: Path, content: bytes) -> None:
    """Whoever opens the file finds the old one or the new one, and after a crash as well."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():  # whoever may read the old one may read the new one
            Path(name).chmod(path.stat().st_mode & 0o777)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
