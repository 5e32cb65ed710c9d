"""HubSpot's own client, unmodified, against the stand-in: so it behaves as HubSpot does to who knows it."""

import asyncio
from typing import Any

import hubspot
import pytest
from hubspot.crm.contacts import (
    ApiException,
    BatchInputSimplePublicObjectBatchInput,
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
)

from tests.sync.hubspot import OWN, TOKEN, HubSpot
from tests.sync.standin import FastClock, serving


async def test_the_vendors_client_reads_searches_and_updates() -> None:
    crm = HubSpot(FastClock(speed=1.0))
    crm.properties |= OWN
    ids = [crm.add_contact(email=f"lead{number}@acme.example") for number in range(3)]
    async with serving(crm.app(), crm.port):
        await asyncio.to_thread(_use, crm, ids)
    assert crm.contacts[ids[0]]["leadheat_score"] == "73.2"


def _use(crm: HubSpot, ids: list[str]) -> None:
    contacts: Any = hubspot.Client(access_token=TOKEN, host=crm.url).crm.contacts
    found = contacts.search_api.do_search(
        PublicObjectSearchRequest(
            filter_groups=[
                {"filters": [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": "0"}]}
            ],
            sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
            properties=["email"],
            limit=2,
        )
    )
    assert (found.total, [one.id for one in found.results], found.paging.next.after) == (3, ids[:2], "2")
    read = contacts.batch_api.read(
        BatchReadInputSimplePublicObjectId(
            id_property="email",
            properties=["email"],
            properties_with_history=[],
            inputs=[{"id": "lead0@acme.example"}, {"id": "nobody@acme.example"}],
        )
    )
    assert [one.id for one in read.results] == [ids[0]]
    assert read.num_errors == 1
    assert read.errors[0].context == {"ids": ["nobody@acme.example"]}
    told = contacts.batch_api.update(
        BatchInputSimplePublicObjectBatchInput(
            inputs=[{"id": ids[0], "properties": {"leadheat_score": "73.2"}, "objectWriteTraceId": "t-1"}]
        )
    )
    assert [one.id for one in told.results] == [ids[0]]
    with pytest.raises(ApiException) as refused:
        contacts.batch_api.update(
            BatchInputSimplePublicObjectBatchInput(inputs=[{"id": ids[1], "properties": {"nowhere": "1"}}])
        )
    assert refused.value.status == 400
    assert "PROPERTY_DOESNT_EXIST" in refused.value.body
    stranger: Any = hubspot.Client(access_token="wrong", host=crm.url).crm.contacts
    with pytest.raises(ApiException) as locked_out:
        stranger.basic_api.get_page(limit=10)
    assert locked_out.value.status == 401
