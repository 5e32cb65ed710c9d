"""What the sync file says of a Dynamics 365, and what Dataverse lets through.

dynamics:
  kind: dynamics
  url: https://acme.crm4.dynamics.com
  auth: {tenant: acme.onmicrosoft.com, client_id: 6f1d…, client_secret: {env: DYNAMICS_SECRET}}
  predictive_score: true      # the table that Dynamics 365 Sales shows scores from, beside our columns
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from connectors.sync.caller import Line, Rate
from connectors.sync.crm import Crm, Destination, Limits, Secrets
from connectors.sync.kinds.dynamics.api import Api, Credentials
from connectors.sync.kinds.dynamics.leads import Leads
from connectors.sync.sync_file import is_address
from scorer.checked import Checked
from scorer.times import Micros
from scorer.yaml_file import Path as Where

_AUTH: Final = {"tenant": True, "client_id": True, "client_secret": True, "authority": False}
_AUTHORITY: Final = "https://login.microsoftonline.com"


class Options(msgspec.Struct, frozen=True):
    """Where and who."""

    url: str
    credentials: Credentials
    predictive_score: bool


class Dynamics:
    """The kind."""

    name = "dynamics"
    fields: Mapping[str, bool] = {"url": True, "auth": True, "predictive_score": False}
    own_fields: Mapping[str, str] = {
        "score": "leadheat_score",
        "grade": "leadheat_grade",
        "trend": "leadheat_trend",
        "tier": "leadheat_tier",
        "reasons": "leadheat_reasons",
        "lead_id": "leadheat_leadid",
    }
    traits: Mapping[str, str] = {
        "emailaddress1": "email",
        "firstname": "first_name",
        "lastname": "last_name",
        "telephone1": "phone",
        "jobtitle": "title",
        "companyname": "company",
        "numberofemployees": "employees",
        "revenue": "revenue",
        "address1_country": "country",
        "address1_city": "city",
    }
    # Of 6,000 requests in 300 s of a user and server (api-limits) half, since people may use the same user.
    limits = Limits(batch=100, rates={"": Rate(3_000, 300.0)})

    def options(self, told: Mapping[str, Any], at: Where, file: Checked, secret: Secrets) -> Options:
        """Reads its own fields."""
        url = told.get("url")
        if url is not None and not is_address(url):
            file.report(
                (*at, "url"), "expected the environment's address, such as https://acme.crm4.dynamics.com"
            )
        credentials = self._credentials(told.get("auth"), (*at, "auth"), file, secret)
        predictive = told.get("predictive_score", False)
        if not isinstance(predictive, bool):
            file.report((*at, "predictive_score"), "expected true or false")
        return Options(str(url), credentials, predictive is True)

    def _credentials(self, told: Any, at: Where, file: Checked, secret: Secrets) -> Credentials:
        if told is None:
            return Credentials(_AUTHORITY, "", "", "")  # said already: missing
        auth = file.mapping(told, at, _AUTH, "an app registration: tenant, client_id, client_secret")
        authority = auth.get("authority", _AUTHORITY)
        if not is_address(authority):
            file.report((*at, "authority"), f"expected an address, such as {_AUTHORITY}")
        return Credentials(
            authority=str(authority),
            tenant=file.name(auth.get("tenant", "-"), (*at, "tenant"), "acme.onmicrosoft.com"),
            client_id=file.name(auth.get("client_id", "-"), (*at, "client_id"), "6f1d0f1e-…"),
            client_secret=(
                secret(auth["client_secret"], (*at, "client_secret")) if "client_secret" in auth else ""
            ),
        )

    def connect(self, destination: Destination, line: Line, clock: Callable[[], Micros]) -> Crm:
        """A connection."""
        options = destination.options
        api = Api(options.url, options.credentials, line, clock)
        return Leads(destination, api, clock, predictive=options.predictive_score)


KIND = Dynamics()
