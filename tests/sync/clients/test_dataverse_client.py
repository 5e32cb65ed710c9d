"""Microsoft's own client for Dataverse, unmodified, against the stand-in, over TLS as it insists."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError

from tests.certificate import self_signed
from tests.sync.dataverse import CLIENT, OWN, SECRET, TENANT, Dataverse
from tests.sync.standin import FastClock, serving


class _Credential:
    """What azure-identity does, without its insistence on Microsoft's own address."""

    def __init__(self, crm: Dataverse, certificate: Path) -> None:
        self._crm = crm
        self._certificate = certificate

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "scope": scopes[0],
        }
        url = f"{self._crm.url}/{TENANT}/oauth2/v2.0/token"
        told = httpx.post(url, data=form, verify=str(self._certificate)).raise_for_status().json()
        return AccessToken(told["access_token"], 1 << 40)


async def test_the_vendors_client_reads_and_updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crm = Dataverse(FastClock(speed=1.0))
    crm.scheme = "https"
    crm.columns |= OWN
    ids = [crm.add_lead(emailaddress1=f"lead{number}@acme.example") for number in range(3)]
    certificate, key = self_signed(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    async with serving(crm.app(), crm.port, certificate, key):
        await asyncio.to_thread(_use, crm, ids, certificate)
    assert [crm.leads.rows[id_]["leadheat_score"] for id_ in ids] == [73.2, 50.0, 50.0]
    assert crm.created == []


def _use(crm: Dataverse, ids: list[str], certificate: Path) -> None:
    client = DataverseClient(crm.url, _Credential(crm, certificate))
    found = client.records.retrieve("lead", ids[0], select=["emailaddress1"])
    assert found is not None
    assert found["emailaddress1"] == "lead0@acme.example"
    client.records.update("lead", ids[0], {"leadheat_score": 73.2})
    client.records.update("lead", ids[1:], [{"leadheat_score": 50.0}] * 2)
    nobody = "00000000-0000-4000-8000-000000000009"
    assert client.records.retrieve("lead", nobody) is None
    with pytest.raises(HttpError) as missing:
        client.records.update("lead", nobody, {"leadheat_score": 1.0})
    assert missing.value.status_code == 404
    with pytest.raises(HttpError) as unknown:
        client.records.update("lead", ids[0], {"nowhere": "1"})
    assert unknown.value.status_code == 400
