"""What the sync file says of a Salesforce organisation, and what Salesforce lets through.

salesforce:
  kind: salesforce
  url: https://acme.my.salesforce.com
  auth: {client_id: 3MVG9…, client_secret: {env: SALESFORCE_SECRET}}
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from connectors.sync.caller import Line, Rate
from connectors.sync.crm import Crm, Destination, Limits, Secrets
from connectors.sync.kinds.salesforce.api import Api, Credentials
from connectors.sync.kinds.salesforce.leads import Leads
from connectors.sync.sync_file import is_address
from scorer.checked import Checked
from scorer.times import Micros
from scorer.yaml_file import Path as Where

_AUTH: Final = {"client_id": True, "client_secret": True}


class Options(msgspec.Struct, frozen=True):
    """Where and who."""

    url: str
    credentials: Credentials


class Salesforce:
    """The kind."""

    name = "salesforce"
    fields: Mapping[str, bool] = {"url": True, "auth": True}
    own_fields: Mapping[str, str] = {
        "score": "LeadHeat_Score__c",
        "grade": "LeadHeat_Grade__c",
        "trend": "LeadHeat_Trend__c",
        "tier": "LeadHeat_Tier__c",
        "reasons": "LeadHeat_Reasons__c",
        "lead_id": "LeadHeat_Lead_Id__c",
    }
    traits: Mapping[str, str] = {
        "Email": "email",
        "FirstName": "first_name",
        "LastName": "last_name",
        "Phone": "phone",
        "Title": "title",
        "Company": "company",
        "NumberOfEmployees": "employees",
        "AnnualRevenue": "revenue",
        "Industry": "industry",
        "Country": "country",
        "City": "city",
    }
    # 200 records a call; a rate a minute isn't documented, only a day's total: so this only evens out bursts.
    limits = Limits(batch=200, rates={"": Rate(60, 60.0)})

    def options(self, told: Mapping[str, Any], at: Where, file: Checked, secret: Secrets) -> Options:
        """Reads its own fields."""
        url = told.get("url")
        if url is not None and not is_address(url):
            file.report((*at, "url"), "expected My Domain's address, such as https://acme.my.salesforce.com")
        place = (*at, "auth")
        auth: Mapping[str, Any] = {}
        if "auth" in told:
            auth = file.mapping(told["auth"], place, _AUTH, "a connected app: client_id, client_secret")
        return Options(
            str(url),
            Credentials(
                client_id=file.name(auth.get("client_id", "-"), (*place, "client_id"), "3MVG9…"),
                client_secret=(
                    secret(auth["client_secret"], (*place, "client_secret"))
                    if "client_secret" in auth
                    else ""
                ),
            ),
        )

    def connect(self, destination: Destination, line: Line, clock: Callable[[], Micros]) -> Crm:
        """A connection."""
        options = destination.options
        return Leads(destination, Api(options.url, options.credentials, line, clock), clock)


KIND = Salesforce()
