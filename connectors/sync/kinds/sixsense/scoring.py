"""6sense's scores of people and their companies (`/v2/people/score`)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from connectors.sync.caller import Line
from connectors.sync.crm import Found, Page, Refusal, Task, Telling, Tie
from connectors.sync.errors import AwayError, CrmError, LockedOutError, ThrottledError
from connectors.sync.standing import Standing

_FIELDS: Final = {"country": "country", "company": "company", "title": "title", "industry": "industry"}
"""What it is asked with, by our traits."""
_CREDITS_S: Final = 21_600.0
"""After a 402: people have to buy more, or a month has to end."""
_RATE_S: Final = 60.0
"""After a 429, which says nothing of how long: its limit is one of a minute."""


class Scoring:
    """One token."""

    def __init__(
        self,
        url: str,
        token: str,
        line: Line,
        traits: Mapping[str, str],
        product: str | None,
        country: str,
        budget: int,
        tiers: tuple[str, ...],
    ) -> None:
        self._url = url
        self._token = token
        self._line = line
        self._traits = traits
        self._product = product
        self._country = country
        self.budget = budget
        self.tiers = tiers

    async def look_up(self, email: str, known: Mapping[str, str]) -> Mapping[str, Any]:
        """What it says, by our names; a score that is withheld, or that there isn't, is left out."""
        form = {"email": email, "country": self._country}
        form |= {field: known[ours] for ours, field in _FIELDS.items() if ours in known}
        headers = {
            "Accept": "application/json",
            "Authorization": f"Token {self._token}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = await self._line.call(
            "POST", f"{self._url}/v2/people/score", headers, urlencode(form).encode()
        )
        if answer.status == 402:
            raise ThrottledError("6sense's credits are used up", _CREDITS_S)
        if answer.status == 429:
            raise ThrottledError("too fast for 6sense", answer.wait_s or _RATE_S)
        if answer.status in (401, 403):
            raise LockedOutError(f"6sense doesn't let us: {answer.status}")
        if answer.status >= 500 or 300 <= answer.status < 400:
            raise AwayError(f"6sense answers {answer.status}")
        if answer.status != 200:
            return {}  # what it can't make anything of is nobody
        try:
            scores = msgspec.convert(answer.json()["scores"], list[dict[str, Any]])
        except (KeyError, TypeError, msgspec.ValidationError):
            return {}  # not switched on for this token
        named = [one for one in scores if self._product in (None, one.get("product"))]
        told = named[0] if named else {}
        return {ours: told[field] for field, ours in self._traits.items() if told.get(field) is not None}

    async def check(self) -> list[str]:
        """Whether the token is one, by a question about nobody: people's scores cost no credit."""
        try:
            await self.look_up("nobody@example.invalid", {})
        except CrmError as error:
            return [str(error)]
        return []

    async def prepare(self, *, do: bool) -> list[str]:
        """Nothing has to be made."""
        return []

    # It is no CRM: nothing is found, told or read there.

    def values(self, standing: Standing) -> Mapping[str, Any]:
        """Nothing is told."""
        raise NotImplementedError

    async def find(self, ties: Sequence[Tie]) -> Mapping[str, Found | Refusal]:
        """Nobody has a record."""
        raise NotImplementedError

    async def tell(self, tellings: Sequence[Telling]) -> Sequence[Refusal | None]:
        """Nothing is told."""
        raise NotImplementedError

    async def add_task(self, task: Task, *, again: bool) -> Refusal | None:
        """There are none."""
        raise NotImplementedError

    async def read(self, cursor: str | None) -> Page:
        """Nothing tells of changes."""
        raise NotImplementedError
