"""What the sync file says of a Marketo subscription, and what Marketo lets through.

marketo:
  kind: marketo
  url: https://123-ABC-456.mktorest.com
  auth: {client_id: 5f1d…, client_secret: {env: MARKETO_SECRET}}
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from connectors.sync.caller import Line, Rate
from connectors.sync.crm import Crm, Destination, Limits, Secrets
from connectors.sync.kinds.marketo.api import Api, Credentials
from connectors.sync.kinds.marketo.leads import Leads
from connectors.sync.sync_file import is_address
from scorer.checked import Checked
from scorer.times import Micros
from scorer.yaml_file import Path as Where

_AUTH: Final = {"client_id": True, "client_secret": True}


class Options(msgspec.Struct, frozen=True):
    """Where and who."""

    url: str
    credentials: Credentials


class Marketo:
    """The kind."""

    name = "marketo"
    fields: Mapping[str, bool] = {"url": True, "auth": True}
    own_fields: Mapping[str, str] = {
        "score": "leadheatScore",
        "grade": "leadheatGrade",
        "trend": "leadheatTrend",
        "tier": "leadheatTier",
        "reasons": "leadheatReasons",
        "lead_id": "leadheatLeadId",
    }
    traits: Mapping[str, str] = {
        "email": "email",
        "firstName": "first_name",
        "lastName": "last_name",
        "phone": "phone",
        "title": "title",
        "company": "company",
        "numberOfEmployees": "employees",
        "annualRevenue": "revenue",
        "industry": "industry",
        "country": "country",
        "city": "city",
    }
    # Of 100 calls in 20 s for all that a subscription connects, half; 300 records a call.
    limits = Limits(batch=300, rates={"": Rate(50, 20.0)}, tasks=False)

    def options(self, told: Mapping[str, Any], at: Where, file: Checked, secret: Secrets) -> Options:
        """Reads its own fields."""
        url = told.get("url")
        if url is not None and not is_address(url):
            expected = "expected the REST endpoint without its path, such as https://123-ABC-456.mktorest.com"
            file.report((*at, "url"), expected)
        place = (*at, "auth")
        auth: Mapping[str, Any] = {}
        if "auth" in told:
            auth = file.mapping(told["auth"], place, _AUTH, "a custom service: client_id, client_secret")
        client = file.name(auth.get("client_id", "-"), (*place, "client_id"), "5f1d…")
        hidden = secret(auth["client_secret"], (*place, "client_secret")) if "client_secret" in auth else ""
        return Options(str(url), Credentials(client, hidden))

    def connect(self, destination: Destination, line: Line, clock: Callable[[], Micros]) -> Crm:
        """A connection."""
        options = destination.options
        return Leads(destination, Api(options.url, options.credentials, line, clock), clock)


KIND = Marketo()
