"""What the sync file says of a Sage CRM, and how gently it is called.

sagecrm:
  kind: sagecrm
  url: https://crm.acme.example
  install: crm
  ca: sagecrm.pem                       # where the server's certificate is signed by nobody
  auth: {user: leadheat, password: {env: SAGECRM_PASSWORD}}
  trial: "4711"                         # a lead that `--check` tries an update on
"""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from connectors.sync.caller import Line, Rate
from connectors.sync.crm import Crm, Destination, Limits, Secrets
from connectors.sync.kinds.sagecrm.api import Api, Credentials
from connectors.sync.kinds.sagecrm.leads import Leads
from connectors.sync.sync_file import is_address
from scorer.checked import Checked
from scorer.times import Micros
from scorer.yaml_file import Path as Where

_AUTH: Final = {"user": True, "password": True}
_INSTALL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class Options(msgspec.Struct, frozen=True):
    """Where, who, and what `--check` tries."""

    url: str
    install: str
    credentials: Credentials
    trial: str | None


class SageCrm:
    """The kind."""

    name = "sagecrm"
    fields: Mapping[str, bool] = {"url": True, "install": False, "auth": True, "trial": False}
    own_fields: Mapping[str, str] = {
        "score": "lead_leadheatscore",
        "grade": "lead_leadheatgrade",
        "trend": "lead_leadheattrend",
        "tier": "lead_leadheattier",
        "reasons": "lead_leadheatreasons",
        "lead_id": "lead_leadheatid",
    }
    traits: Mapping[str, str] = {
        "lead_personemail": "email",
        "lead_personfirstname": "first_name",
        "lead_personlastname": "last_name",
        "lead_persontitle": "title",
        "lead_companyname": "company",
    }
    # One record a call, on a server of the customer's own, whose limits nobody documents: gently.
    limits = Limits(batch=1, rates={"": Rate(5, 1.0)}, tasks=False)

    def options(self, told: Mapping[str, Any], at: Where, file: Checked, secret: Secrets) -> Options:
        """Reads its own fields."""
        url = told.get("url")
        if url is not None and not is_address(url):
            file.report(
                (*at, "url"),
                "expected the server's address, https since a password goes there: https://crm.acme.example",
            )
        install, trial = told.get("install", "crm"), told.get("trial")
        if not isinstance(install, str) or not _INSTALL.match(install):
            file.report((*at, "install"), "expected the installation's name, such as crm")
        if trial is not None and not (isinstance(trial, str) and trial.isdigit()):
            file.report((*at, "trial"), 'expected the id of a lead in quotes, such as "4711"')
        place = (*at, "auth")
        auth: Mapping[str, Any] = {}
        if "auth" in told:
            auth = file.mapping(told["auth"], place, _AUTH, "a user of Sage CRM: user, password")
        user = file.name(auth.get("user", "-"), (*place, "user"), "leadheat")
        password = secret(auth["password"], (*place, "password")) if "password" in auth else ""
        basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        return Options(str(url), str(install), Credentials(basic), trial)

    def connect(self, destination: Destination, line: Line, clock: Callable[[], Micros]) -> Crm:
        """A connection."""
        options = destination.options
        api = Api(options.url, options.install, options.credentials, line)
        return Leads(destination, api, clock, options.trial)


KIND = SageCrm()
