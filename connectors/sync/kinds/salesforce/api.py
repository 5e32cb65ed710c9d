"""Calls to Salesforce's REST API: tokens, headers, errors, queries."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from connectors.sync.caller import Answer, Line
from connectors.sync.errors import AwayError, CrmError, LockedOutError, ThrottledError
from scorer.times import Micros

PATH: Final = "/services/data/v62.0"
_HEADERS: Final = {
    "Accept": "application/json",
    # Without it an update runs the assignment rules, which give leads to other people.
    "Sforce-Auto-Assign": "FALSE",
}
_LIMIT: Final = "REQUEST_LIMIT_EXCEEDED"
_LIMIT_S: Final = 900.0
"""The limit is one of 24 hours that roll on: some is free again soon, all of it never at once."""


class Credentials(msgspec.Struct, frozen=True):
    """A connected app with the client credentials flow."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials(client_id={self.client_id!r})"


class Said(msgspec.Struct, frozen=True):
    """An error in Salesforce's own words."""

    code: str
    message: str


class Api:
    """One organisation."""

    def __init__(self, url: str, credentials: Credentials, line: Line, clock: Callable[[], Micros]) -> None:
        self._url = url
        self._credentials = credentials
        self._line = line
        self._clock = clock
        self._token = ""

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """One request behind the API's version; a 4xx that is about what was asked comes back."""
        content = b"" if body is None else msgspec.json.encode(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        for last in (False, True):
            headers = {**_HEADERS, "Authorization": f"Bearer {await self._authorise()}", **kind}
            answer = await self._line.call(method, f"{self._url}{PATH}/{path}", headers, content)
            if answer.status == 401 and not last:
                self._token = ""  # how long a session lasts is the organisation's own setting, told nowhere
                continue
            told = said(answer) if answer.status >= 300 else Said("", "")
            if told.code == _LIMIT:
                raise ThrottledError(f"Salesforce's limit of requests is reached: {told.message}", _LIMIT_S)
            if answer.status in (401, 403):
                raise LockedOutError(f"Salesforce doesn't let us: {told.code}: {told.message}")
            if answer.status == 429:
                raise ThrottledError(f"too fast for Salesforce: {told.message}", answer.wait_s)
            if answer.status >= 500 or 300 <= answer.status < 400:
                raise AwayError(f"Salesforce answers {answer.status}: {told.message}")
            return answer
        raise AssertionError  # the second turn returns or raises

    async def query(self, soql: str, *, deleted: bool = False) -> list[Mapping[str, Any]]:
        """All rows of a query; `deleted`: those in the recycle bin, too."""
        path = f"{'queryAll' if deleted else 'query'}?q={quote(soql, safe='')}"
        rows: list[Mapping[str, Any]] = []
        while path:
            answer = await self.call("GET", path)
            if answer.status != 200:
                raise error_of(answer)
            told = answer.json()
            rows += told["records"]
            further = str(told.get("nextRecordsUrl") or "")
            if further and not further.startswith(f"{PATH}/query"):
                raise AwayError("an answer held a link to somewhere else")
            path = further.removeprefix(f"{PATH}/")
        return rows

    async def _authorise(self) -> str:
        if self._token:
            return self._token
        form = urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": self._credentials.client_id,
                "client_secret": self._credentials.client_secret,
            }
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = await self._line.call(
            "POST", f"{self._url}/services/oauth2/token", headers, form.encode(), lane="token"
        )
        if answer.status == 429:
            raise ThrottledError("too fast for Salesforce's tokens", answer.wait_s)
        if answer.status >= 500 or 300 <= answer.status < 400:
            raise AwayError(f"Salesforce answers {answer.status} to the request of a token")
        told = answer.json()
        if answer.status != 200:
            why = str(told.get("error_description") or told.get("error"))[:300]
            raise LockedOutError(f"Salesforce gives no token: {why}")
        self._token = str(told["access_token"])
        return self._token


def said(answer: Answer) -> Said:
    """The first error of an answer: [{"errorCode": …, "message": …}]."""
    try:
        first = msgspec.json.decode(answer.body)[0]
        return Said(str(first["errorCode"]), str(first["message"])[:500])
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        return Said("", "no reason given")


def error_of(answer: Answer) -> CrmError:
    """What an answer of 4xx means where nothing of the kind was expected."""
    told = said(answer)
    return CrmError(f"Salesforce answers {answer.status} {told.code}: {told.message}")


def select(fields: Iterable[str], table: str, rest: str) -> str:
    """A query; what stands in it comes from the sync file, whose names are checked, and through `text`."""
    return " ".join(("SELECT", ", ".join(dict.fromkeys(fields)), "FROM", table, rest))


def text(value: str) -> str:
    """A text within a query.

    >>> print(text("d'Arc\\\\"))
    'd\\'Arc\\\\'
    """
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"
