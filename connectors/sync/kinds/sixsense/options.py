"""What the sync file says of 6sense, and how seldom it is asked.

sixsense:
  kind: sixsense
  auth: {token: {env: SIXSENSE_TOKEN}}
  country: France                      # of whom we know no other
  tiers: [warm, hot]
  budget: 200                          # people a day
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from connectors.sync.caller import Line, Rate
from connectors.sync.crm import Crm, Destination, Limits, Secrets
from connectors.sync.kinds.sixsense.scoring import Scoring
from connectors.sync.sync_file import is_address
from scorer.checked import Checked
from scorer.times import Micros
from scorer.yaml_file import Path as Where

_URL: Final = "https://scribe.6sense.com"
_OWN: Final = dict.fromkeys(("url", "product", "tiers", "budget"), False) | {"auth": True, "country": True}


class Options(msgspec.Struct, frozen=True):
    """Where, who, whom and how many."""

    url: str
    token: str
    product: str | None
    country: str
    tiers: tuple[str, ...]
    budget: int

    def __repr__(self) -> str:
        return f"Options(url={self.url!r})"


class SixSense:
    """The kind."""

    name = "sixsense"
    fields: Mapping[str, bool] = _OWN
    own_fields: Mapping[str, str] = {}
    traits: Mapping[str, str] = {
        "company_buying_stage": "buying_stage",
        "company_intent_score": "intent_score",
        "company_profile_fit": "profile_fit",
        "is_6qa": "is_6qa",
    }
    # 100 requests a minute of a token.
    limits = Limits(
        batch=1,
        rates={"": Rate(90, 60.0)},
        tasks=False,
        looks_up=("country", "company", "title", "industry"),
    )

    def options(self, told: Mapping[str, Any], at: Where, file: Checked, secret: Secrets) -> Options:
        """Reads its own fields."""
        url = told.get("url", _URL)
        if not is_address(url):
            file.report((*at, "url"), f"expected an address, such as {_URL}")
        place = (*at, "auth")
        auth: Mapping[str, Any] = {}
        if "auth" in told:
            auth = file.mapping(told["auth"], place, {"token": True}, "{token: {env: SIXSENSE_TOKEN}}")
        tiers = told.get("tiers", ["warm", "hot"])
        if not isinstance(tiers, list) or not tiers or not all(isinstance(one, str) for one in tiers):
            file.report((*at, "tiers"), "expected tiers of the grid, such as [warm, hot]")
            tiers = []
        product = told.get("product")
        return Options(
            url=str(url),
            token=secret(auth["token"], (*place, "token")) if "token" in auth else "",
            product=None if product is None else file.text(product, (*at, "product"), "Analytics"),
            country=file.text(told.get("country", "-"), (*at, "country"), "France"),
            tiers=tuple(tiers),
            budget=int(file.number(told.get("budget", 200), (*at, "budget"), "200", least=1.0)),
        )

    def connect(self, destination: Destination, line: Line, clock: Callable[[], Micros]) -> Crm:
        """A connection."""
        options = destination.options
        traits = {} if destination.reads is None else destination.reads.traits
        return Scoring(
            options.url,
            options.token,
            line,
            traits,
            options.product,
            options.country,
            options.budget,
            options.tiers,
        )


KIND = SixSense()
