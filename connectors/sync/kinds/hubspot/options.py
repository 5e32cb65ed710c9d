"""What the sync file says of a HubSpot account, and what HubSpot lets through.

hubspot:
  kind: hubspot
  auth: {token: {env: HUBSPOT_TOKEN}}        # of a private app, or a service key
  # or an app of OAuth: {client_id: …, client_secret: {env: …}, refresh_token: {env: …}}
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from connectors.sync.caller import Line, Rate
from connectors.sync.crm import Crm, Destination, Limits, Secrets
from connectors.sync.kinds.hubspot.api import SEARCH, Api, Credentials
from connectors.sync.kinds.hubspot.contacts import Contacts
from connectors.sync.sync_file import is_address
from scorer.checked import Checked
from scorer.times import Micros
from scorer.yaml_file import Path as Where

_AUTH: Final = dict.fromkeys(("token", "client_id", "client_secret", "refresh_token"), False)
_URL: Final = "https://api.hubapi.com"
_EXPECTED: Final = "{token: {env: HUBSPOT_TOKEN}}, or client_id, client_secret and refresh_token"


class Options(msgspec.Struct, frozen=True):
    """Where and who."""

    url: str
    credentials: Credentials


class HubSpot:
    """The kind."""

    name = "hubspot"
    fields: Mapping[str, bool] = {"url": False, "auth": True}
    own_fields: Mapping[str, str] = {
        "score": "leadheat_score",
        "grade": "leadheat_grade",
        "trend": "leadheat_trend",
        "tier": "leadheat_tier",
        "reasons": "leadheat_reasons",
        "lead_id": "leadheat_lead_id",
    }
    traits: Mapping[str, str] = {
        "email": "email",
        "firstname": "first_name",
        "lastname": "last_name",
        "phone": "phone",
        "jobtitle": "title",
        "company": "company",
        "numemployees": "employees",
        "annualrevenue": "revenue",
        "industry": "industry",
        "country": "country",
        "city": "city",
    }
    # The least of all accounts: 100 requests in 10 s, of search 5 a second; other apps share the latter.
    limits = Limits(batch=100, rates={"": Rate(90, 10.0), SEARCH: Rate(4, 1.0)})

    def options(self, told: Mapping[str, Any], at: Where, file: Checked, secret: Secrets) -> Options:
        """Reads its own fields."""
        url = told.get("url", _URL)
        if not is_address(url):
            file.report((*at, "url"), f"expected an address, such as {_URL}")
        place = (*at, "auth")
        auth = file.mapping(told["auth"], place, _AUTH, _EXPECTED) if "auth" in told else {}
        if "auth" in told and set(auth) not in ({"token"}, _AUTH.keys() - {"token"}):
            file.report(place, f"expected {_EXPECTED}")
        client = file.name(auth["client_id"], (*place, "client_id"), "6f1d…") if "client_id" in auth else ""
        secrets = {
            name: secret(auth[name], (*place, name)) for name in _AUTH if name in auth and name != "client_id"
        }
        return Options(str(url), Credentials(client_id=client, **secrets))

    def connect(self, destination: Destination, line: Line, clock: Callable[[], Micros]) -> Crm:
        """A connection."""
        options = destination.options
        return Contacts(destination, Api(options.url, options.credentials, line, clock), clock)


KIND = HubSpot()
