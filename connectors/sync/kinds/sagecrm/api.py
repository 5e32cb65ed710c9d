"""Calls to Sage CRM's REST API: one record each."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from connectors.sync.caller import Answer, Line
from connectors.sync.errors import AwayError, CrmError, LockedOutError, ThrottledError

MISSING: Final = 404


class Credentials(msgspec.Struct, frozen=True):
    """A user's name and password, as `Basic` wants them."""

    basic: str

    def __repr__(self) -> str:
        return "Credentials()"


class Api:
    """One installation."""

    def __init__(self, url: str, install: str, credentials: Credentials, line: Line) -> None:
        self._base = f"{url}/sdata/{install}j/sagecrm2/-"
        self._headers = {"Accept": "application/json", "Authorization": f"Basic {credentials.basic}"}
        self._line = line

    async def get(self, path: str, asked: Mapping[str, str | int] | None = None) -> Answer:
        """A record, or a feed of them."""
        query = f"?{urlencode(asked)}" if asked else ""
        return await self._call("GET", f"{path}{query}", {}, b"")

    async def patch(self, path: str, values: Mapping[str, Any]) -> Answer:
        """Changes the named fields of a record, and no other."""
        headers = {"Content-Type": "application/json"}
        return await self._call("PATCH", path, headers, msgspec.json.encode(values))

    async def _call(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Answer:
        answer = await self._line.call(method, f"{self._base}/{path}", {**self._headers, **headers}, content)
        if answer.status in (401, 403):
            raise LockedOutError(f"Sage CRM doesn't let us: {said(answer)}")
        if answer.status == 429:
            raise ThrottledError(f"too fast for Sage CRM: {said(answer)}", answer.wait_s)
        if answer.status >= 500 or 300 <= answer.status < 400:
            raise AwayError(f"Sage CRM answers {answer.status}: {said(answer)}")
        return answer


def lowered(told: Any) -> dict[str, Any]:
    """A record by its fields in lower case: documentation and servers don't agree on their capitals.

    >>> lowered({"Lead_LeadId": 4})
    {'lead_leadid': 4}
    """
    if not isinstance(told, dict):
        raise AwayError("the answer is no record")
    return {str(name).lower(): value for name, value in told.items()}


def said(answer: Answer) -> str:
    """An error in the server's words, by whichever of SData's names; which of them isn't documented."""
    try:
        told = msgspec.json.decode(answer.body)
        for one in (*(told.get("$diagnoses") or ()), told):
            for name in ("$message", "message"):
                if isinstance(one.get(name), str):
                    return str(one[name])[:500]
    except (msgspec.DecodeError, AttributeError, TypeError):
        pass
    return "no reason given"


def error_of(answer: Answer) -> CrmError:
    """What an answer of 4xx means where nothing of the kind was expected."""
    return CrmError(f"Sage CRM answers {answer.status}: {said(answer)}")
