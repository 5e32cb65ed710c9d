"""What becomes of the deliveries of providers of which there are no captures, and of whom they are."""

import json
from typing import Any

import pytest

from connectors.ingest.mapping import SourceMapping
from connectors.ingest.webhooks.settings import ProviderSettings
from connectors.ingest.webhooks.signing import Proof
from scorer.errors import EventError
from scorer.event import check
from scorer.files import score_lines
from scorer.grid import parse_grid
from scorer.plan import Plan
from scorer.times import DAY
from tests.webhook_deliveries import AT, events, sns

CLICKS = Plan(
    parse_grid(
        "grid: g\nversion: 1\nscores: {s: }\ntiers: [{id: cold}]\n"
        "criteria: [{id: click, score: s, points: 1, event: email_click}]\n"
    )
)


def one(provider: str, body: Any, **more: Any) -> dict[str, Any]:
    found = events(provider, body, **more)
    assert len(found) == 1
    check(found[0])
    return found[0]


def short(event: dict[str, Any]) -> tuple[Any, ...]:
    return event["type"], event.get("lead_id") or event["anonymous_id"], event.get("time")


# identity


def sendgrid(**more: Any) -> dict[str, Any]:
    return {"event": "open", "email": "Ada@Acme.test", "timestamp": 1461095250, "sg_event_id": "e", **more}


def test_a_person_is_the_address_until_a_lead_is_named() -> None:
    assert one("sendgrid", [sendgrid()]) == {
        "id": "e",
        "type": "email_open",
        "anonymous_id": "ada@acme.test",
        "time": "2016-04-19T19:47:30Z",
        "properties": {"event": "open"},
        "context": {"channel": "email"},
    }


@pytest.mark.parametrize("name", ["lead_id", "leadId", "user_id", "userId", "Lead ID"])
def test_metadata_may_name_the_lead_to_whom_the_address_is_tied(name: str) -> None:
    tie, opened = events("sendgrid", [sendgrid(**{name: "u-42"})])
    assert tie == {
        "id": "e/identify",
        "type": "identify",
        "lead_id": "u-42",
        "anonymous_id": "ada@acme.test",
        "time": "2016-04-19T19:47:30Z",
    }
    assert (opened["type"], opened["lead_id"], opened["anonymous_id"]) == (
        "email_open",
        "u-42",
        "ada@acme.test",
    )
    assert opened["properties"]["metadata"] == {name: "u-42"}


def test_which_metadata_names_the_lead_can_be_set() -> None:
    told = {"crm": 7, "lead_id": "x"}
    _, event = events("sendgrid", [sendgrid(**told)], settings=ProviderSettings(lead_id=("crm",)))
    assert event["lead_id"] == "7"


@pytest.mark.parametrize("nobody", ["", "null", "undefined", 0, None, True, [], {}])
def test_metadata_that_names_nobody(nobody: Any) -> None:
    assert "lead_id" not in one("sendgrid", [sendgrid(lead_id=nobody)])


def test_a_lead_whose_id_is_the_address_is_not_tied_to_itself() -> None:
    assert one("sendgrid", [sendgrid(lead_id="ada@acme.test")])["lead_id"] == "ada@acme.test"


@pytest.mark.parametrize(
    "address", [None, "", "ada", "a da@acme.test", "a" * 330 + "@acme.test", 7, ["a@b.test"]]
)
def test_no_recipient(address: Any) -> None:
    with pytest.raises(EventError, match="recipient"):
        events("sendgrid", [sendgrid(email=address)])


def test_kinds_that_a_mapping_gives_a_type() -> None:
    processed = [sendgrid(event="processed")]
    assert events("sendgrid", processed) == []
    mapping = SourceMapping(events={"processed": "email_sent"}, properties={"cohort": "group"})
    found = one("sendgrid", [sendgrid(event="processed", cohort="b")], mapping=mapping)
    assert (found["type"], found["properties"]["group"]) == ("email_sent", "b")
    assert one("sendgrid", [sendgrid(event="group_resubscribe")])["type"] == "group_resubscribe"


@pytest.mark.parametrize("as_arrived", [False, True])
def test_what_an_address_did_is_the_lead_s_before_and_after_it_was_tied(as_arrived: bool) -> None:
    log = [
        *events("sendgrid", [sendgrid(event="click", sg_event_id="a", timestamp=1793400000)]),
        *events("postmark", {"RecordType": "Click", "Recipient": "ada@acme.test", "MessageID": "m",
                             "ReceivedAt": "2026-10-31T00:00:00Z", "Metadata": {"lead_id": "u-42"}}),
        *events("brevo", {"event": "click", "email": "ADA@acme.test", "ts_epoch": 1793500000000}),
    ]  # fmt: skip
    lines = [("log", number, json.dumps(event).encode()) for number, event in enumerate(log, 1)]
    found = score_lines(lines, CLICKS, AT + DAY, as_arrived)
    assert [(record["lead_id"], record["score"]) for record in found] == [("u-42", 3)]


# what each tells


def test_sendgrid() -> None:
    told = sendgrid(
        event="click",
        url="https://acme.test/demo?utm_campaign=nurture&utm_source=mail",
        ip="192.0.2.1",
        useragent="Firefox",
        category="cat",
        singlesend_name="October",
        sg_message_id="m",
    )
    event = one("sendgrid", [told])
    assert event["properties"] == {
        "event": "click",
        "message_id": "m",
        "campaign": "October",
        "tags": ["cat"],
        "link": told["url"],
    }
    assert event["context"] == {
        "channel": "email",
        "ip": "192.0.2.1",
        "user_agent": "Firefox",
        "utm_campaign": "nurture",
        "utm_source": "mail",
    }
    machine = one("sendgrid", [sendgrid(sg_machine_open=True)])
    assert machine["context"] == {"channel": "email", "machine_open": True}
    bounce = one("sendgrid", [sendgrid(event="bounce", type="blocked", reason="full", ip="192.0.2.9")])
    assert (bounce["properties"]["bounce"], bounce["properties"]["reason"]) == ("soft", "full")
    assert bounce["context"] == {"channel": "email"}  # the address is a mail server's
    assert (
        one("sendgrid", [sendgrid(url="https://a.test/?utm_campaign=q4")])["properties"]["campaign"] == "q4"
    )


def test_mailgun_tells_what_a_program_did() -> None:
    def told(kind: str) -> dict[str, Any]:
        data = {"event": kind, "id": "e", "recipient": "ada@acme.test", "client-info": {"bot": "apple"}}
        return one("mailgun", {"event-data": data})["context"]

    assert told("opened") == {"channel": "email", "machine_open": True}
    assert told("clicked") == {"channel": "email", "machine_click": True}
    assert told("delivered") == {"channel": "email"}


def test_mailgun_s_failures() -> None:
    def told(**more: Any) -> list[dict[str, Any]]:
        data = {"event": "failed", "id": "e", "recipient": "ada@acme.test", **more}
        return events("mailgun", {"event-data": data})

    assert [one["type"] for one in told(severity="permanent", reason="bounce")] == ["email_bounce"]
    assert told(severity="temporary") == told(severity="permanent", reason="suppress-unsubscribe") == []


def mandrill(**more: Any) -> bytes:
    from urllib.parse import urlencode

    msg = {
        "_id": "m",
        "email": "ada@acme.test",
        "subject": "S",
        "tags": ["t"],
        "metadata": [],
        "template": "x",
    }
    told = {"event": "click", "ts": 1461095246, "_id": "m", "url": "https://acme.test/", "msg": msg, **more}
    return urlencode({"mandrill_events": json.dumps([told])}).encode()


def test_mandrill() -> None:
    event = one("mandrill", mandrill(ip="192.0.2.1", user_agent="Firefox"))
    assert short(event) == ("email_click", "ada@acme.test", "2016-04-19T19:47:26Z")
    assert event["properties"] == {
        "event": "click",
        "message_id": "m",
        "subject": "S",
        "campaign": "t",
        "tags": ["t"],
        "template": "x",
        "link": "https://acme.test/",
    }
    later = one("mandrill", mandrill(ts=1461095247))
    assert len({event["id"], later["id"], one("mandrill", mandrill(event="open"))["id"]}) == 3
    assert one("mandrill", mandrill())["id"] == event["id"]
    assert one("mandrill", mandrill(event="spam"))["type"] == "email_complaint"
    hard = mandrill(event="hard_bounce", msg={"email": "a@b.test", "diag": "550"})
    assert (
        one("mandrill", hard)["properties"] | {"bounce": "hard", "reason": "550"}
        == (one("mandrill", hard)["properties"])
    )
    for nothing in (
        mandrill(event="send"),
        mandrill(event=None, type="blacklist"),
        b"mandrill_events=%5B%5D",
    ):
        assert events("mandrill", nothing) == []


MAILJET = {"event": "click", "time": 1498093527, "MessageID": 12345678901234567, "email": "ada@acme.test"}


def test_mailjet() -> None:
    told = MAILJET | {
        "customcampaign": "c",
        "url": "https://acme.test/",
        "ip": "192.0.2.1",
        "agent": "Firefox",
        "Payload": '{"lead_id": "u-42"}',
    }
    _, event = events("mailjet", told)
    assert short(event) == ("email_click", "u-42", "2017-06-22T01:05:27Z")
    assert event["properties"]["message_id"] == "12345678901234567"
    assert event["properties"]["campaign"] == "c"
    assert event["context"] == {"channel": "email", "ip": "192.0.2.1", "user_agent": "Firefox"}
    kinds = {
        "sent": "email_delivered",
        "open": "email_open",
        "bounce": "email_bounce",
        "spam": "email_complaint",
        "unsub": "unsubscribe",
    }
    assert [e["type"] for e in events("mailjet", [MAILJET | {"event": k} for k in kinds])] == [
        *kinds.values()
    ]
    assert events("mailjet", [MAILJET | {"event": "bounce", "error": "greylisted"}]) == []
    assert events("mailjet", [MAILJET | {"event": "blocked"}]) == []
    hard = one("mailjet", MAILJET | {"event": "bounce", "hard_bounce": True, "error": "user unknown"})
    assert (hard["properties"]["bounce"], hard["properties"]["reason"]) == ("hard", "user unknown")


def sparkpost(of_class: str = "track_event", **more: Any) -> dict[str, Any]:
    told = {
        "type": "click",
        "event_id": "92356927693813856",
        "rcpt_to": "ada@acme.test",
        "raw_rcpt_to": "Ada@acme.test",
        "rcpt_meta": {"cohort": "b"},
        "rcpt_tags": ["t"],
        "campaign_id": "c",
        "timestamp": "1454442600",
        "target_link_url": "https://acme.test/",
        **more,
    }
    return {"msys": {of_class: told}}


def test_sparkpost() -> None:
    event = one("sparkpost", [sparkpost(ip_address="192.0.2.1", user_agent="Firefox")])
    assert short(event) == ("email_click", "ada@acme.test", "2016-02-02T19:50:00Z")
    assert event["id"] == "92356927693813856"
    assert event["properties"] | {"campaign": "c", "metadata": {"cohort": "b"}} == event["properties"]
    parsed = {"is_prefetched": True, "is_proxy": True}
    machine = one("sparkpost", [sparkpost(type="open", user_agent_parsed=parsed)])
    assert machine["context"] == {"channel": "email", "machine_open": True, "proxy_open": True}
    assert one("sparkpost", [sparkpost(timestamp="2018-10-11T23:24:45.000+00:00")])["time"].startswith(
        "2018-10"
    )
    kinds = {"delivery": "email_delivered", "out_of_band": "email_bounce", "amp_open": "email_open"}
    kinds |= {"spam_complaint": "email_complaint", "link_unsubscribe": "unsubscribe"}
    for kind, of_type in kinds.items():
        assert one("sparkpost", [sparkpost("message_event", type=kind)])["type"] == of_type
    for nothing in ("injection", "delay", "generation_rejection", "initial_open"):
        assert events("sparkpost", [sparkpost(type=nothing)]) == []
    assert events("sparkpost", [{"msys": {}}]) == []  # it tries an address
    assert one("sparkpost", [sparkpost(type="bounce", bounce_class="10")])["properties"]["bounce"] == "hard"
    assert one("sparkpost", [sparkpost(type="bounce", bounce_class="90")])["type"] == "unsubscribe"
    assert events("sparkpost", [sparkpost(type="bounce", bounce_class="60")]) == []


def ses(kind: str = "Click", *, at: str = "eventType", **more: Any) -> dict[str, Any]:
    about = {"timestamp": "2017-08-09T23:51:25.570Z", "ipAddress": "192.0.2.1", "userAgent": "Firefox"}
    mail = {
        "messageId": "m",
        "timestamp": "2016-10-14T05:02:16.645Z",
        "destination": ["ada@acme.test"],
        "commonHeaders": {"subject": "S"},
        "tags": {"ses:from-domain": ["acme.test"], "campaign": ["c"]},
    }
    return {at: kind, "mail": mail, kind[:1].lower() + kind[1:]: {**about, **more}}


def test_amazon_ses() -> None:
    event = one("ses", sns(ses(link="https://acme.test/"))[0])
    assert short(event) == ("email_click", "ada@acme.test", "2017-08-09T23:51:25.570000Z")
    assert event["properties"] == {
        "event": "Click",
        "message_id": "m",
        "subject": "S",
        "campaign": "c",
        "link": "https://acme.test/",
        "metadata": {"campaign": "c"},
    }
    assert event["context"] == {"channel": "email", "ip": "192.0.2.1", "user_agent": "Firefox"}
    again = sns(ses(link="https://acme.test/"), MessageId="another")[0]
    assert one("ses", again)["id"] == event["id"]  # SES may publish it twice
    assert one("ses", json.dumps(ses()).encode())["type"] == "email_click"  # without SNS's envelope


def test_tags_and_metadata_in_the_message_s_own_headers() -> None:
    headers = [
        {"name": "X-Tag", "value": "t1"},
        {"name": "X-Tag", "value": "t2"},
        {"name": "X-Tags", "value": '["t1", "t2"]'},
        {"name": "X-Metadata", "value": '{"lead_id": "u-42"}'},
        {"name": "X-Metadata", "value": "none"},
    ]
    told = ses()
    told["mail"] |= {"headers": headers}
    for _, event in (events("ses", sns(told)[0]), events("resend", resend(headers=headers))):
        assert event["lead_id"] == "u-42"
        assert event["properties"]["tags"] == ["t1", "t2"]


def test_amazon_ses_tells_of_several_recipients() -> None:
    bounced = [{"emailAddress": "a@b.test", "diagnosticCode": "550"}, {"emailAddress": "c@d.test"}]
    first, second = events(
        "ses",
        sns(ses("Bounce", at="notificationType", bounceType="Permanent", bouncedRecipients=bounced))[0],
    )
    assert (first["anonymous_id"], second["anonymous_id"]) == ("a@b.test", "c@d.test")
    assert first["properties"] | {"bounce": "hard", "reason": "550"} == first["properties"]
    assert first["id"] != second["id"]
    complained = ses("Complaint", complainedRecipients=[{"emailAddress": "a@b.test"}])
    assert short(one("ses", sns(complained)[0]))[:2] == ("email_complaint", "a@b.test")
    delivered = one("ses", sns(ses("Delivery", recipients=["a@b.test"]))[0])
    assert (delivered["type"], delivered["anonymous_id"]) == ("email_delivered", "a@b.test")
    assert "ip" not in delivered["context"]


def test_amazon_ses_tells_nothing_of_a_person() -> None:
    for kind in ("Send", "Reject", "Rendering Failure", "DeliveryDelay", "Subscription"):
        assert events("ses", sns(ses(kind))[0]) == []
    assert events("ses", sns("Successfully validated SNS topic for Amazon SES event publishing.")[0]) == []
    assert events("ses", sns("x", Type="UnsubscribeConfirmation")[0]) == []
    left = ses("Subscription", newTopicPreferences={"unsubscribeAll": True})
    assert one("ses", sns(left)[0])["type"] == "unsubscribe"
    with pytest.raises(EventError):
        events("ses", sns("no JSON")[0])


def test_amazon_ses_without_a_time_is_of_the_message_s() -> None:
    assert one("ses", sns(ses(timestamp=None))[0])["time"] == "2026-11-01T09:00:00Z"


def resend(kind: str = "email.clicked", **more: Any) -> dict[str, Any]:
    data = {"email_id": "m", "to": ["Ada <ada@acme.test>", "b@acme.test"], "subject": "S", **more}
    return {"type": kind, "created_at": "2023-09-28T17:21:35.257Z", "data": data}


def test_resend() -> None:
    click = {"ipAddress": "192.0.2.1", "link": "https://acme.test/", "userAgent": "Firefox",
             "timestamp": "2023-09-28T17:21:30Z"}  # fmt: skip
    event = one("resend", resend(click=click), headers={"svix-id": "msg_1"})
    assert short(event) == ("email_click", "ada@acme.test", "2023-09-28T17:21:30Z")
    assert (event["id"], event["properties"]["link"]) == ("msg_1", "https://acme.test/")
    assert event["context"] == {"channel": "email", "ip": "192.0.2.1", "user_agent": "Firefox"}
    for tags in ({"lead_id": "u-42"}, [{"name": "lead_id", "value": "u-42"}]):
        assert events("resend", resend(tags=tags))[1]["lead_id"] == "u-42"
    soft = one("resend", resend("email.bounced", bounce={"type": "Transient", "message": "full"}))
    assert soft["properties"] | {"bounce": "soft", "reason": "full"} == soft["properties"]
    for kind, of_type in (("email.opened", "email_open"), ("email.complained", "email_complaint")):
        assert one("resend", resend(kind))["type"] == of_type
    for nothing in ("email.sent", "email.delivery_delayed", "email.failed", "domain.created"):
        assert events("resend", resend(nothing)) == []
    left = {"type": "contact.updated", "data": {"email": "ada@acme.test", "unsubscribed": True}}
    assert one("resend", left)["type"] == "unsubscribe"
    assert events("resend", {**left, "data": {"email": "ada@acme.test", "unsubscribed": False}}) == []


def test_mailtrap() -> None:
    told = {
        "event": "click",
        "timestamp": 1498093527,
        "category": "c",
        "custom_variables": {"lead_id": 42},
        "message_id": "m",
        "email": "ada@acme.test",
        "event_id": "e",
        "ip": "192.0.2.1",
        "user_agent": "Firefox",
        "url": "https://acme.test/",
    }
    _, event = events("mailtrap", {"events": [told]})
    assert short(event) == ("email_click", "42", "2017-06-22T01:05:27Z")
    assert (event["id"], event["properties"]["campaign"]) == ("e", "c")
    lines = f"{json.dumps(told)}\n{json.dumps(told)}\n".encode()
    assert len(events("mailtrap", lines)) == 4
    assert events("mailtrap", {"events": [{**told, "event": "soft bounce"}]}) == []
    bounced = {**told, "event": "bounce", "response": "550", "custom_variables": None}
    assert one("mailtrap", {"events": [bounced]})["properties"]["reason"] == "550"


def test_mailersend() -> None:
    email = {"message": {"id": "m"}, "recipient": {"email": "ada@acme.test"}, "tags": ["t"], "subject": "S"}
    data = {"id": "e", "type": "clicked", "created_at": "2023-02-27T21:14:11.679000Z", "email": email,
            "morph": {"object": "click", "ip": "192.0.2.1", "url": "https://acme.test/"}}  # fmt: skip
    event = one("mailersend", {"type": "activity.clicked", "data": data})
    assert short(event) == ("email_click", "ada@acme.test", "2023-02-27T21:14:11.679000Z")
    assert event["properties"] | {"link": "https://acme.test/", "campaign": "t"} == event["properties"]
    assert events("mailersend", {"type": "activity.sent", "data": data}) == []
    assert events("mailersend", {"type": "inbound.message", "data": {}}) == []


def hubspot(**more: Any) -> dict[str, Any]:
    return {
        "eventId": 100,
        "subscriptionId": 1,
        "portalId": 2,
        "occurredAt": 1711234567890,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": 123,
        **more,
    }


def change(name: str, value: Any) -> dict[str, Any]:
    return hubspot(propertyName=name, propertyValue=value)


def test_hubspot_s_properties_are_traits_and_the_address_an_identity() -> None:
    stage = one("hubspot", [change("lifecyclestage", "marketingqualifiedlead")])
    assert short(stage) == ("identify", "hubspot-123", "2024-03-23T22:56:07.890000Z")
    assert stage["traits"] == {"lifecyclestage": "marketingqualifiedlead"}
    assert one("hubspot", [change("jobtitle", "DG")])["traits"] == {"title": "DG"}
    assert one("hubspot", [change("city", "")])["traits"] == {"city": None}
    email = one("hubspot", [change("email", "Ada@Acme.test")])
    assert (email["lead_id"], email["anonymous_id"]) == ("hubspot-123", "ada@acme.test")
    again = one("hubspot", [{**change("city", "Lyon"), "attemptNumber": 3}])
    assert again["id"] == one("hubspot", [change("city", "Lyon")])["id"]
    identify, alias = events("hubspot", [change("crm", "u-42")], settings=ProviderSettings(lead_id=("crm",)))
    assert (alias["type"], alias["lead_id"]) == ("alias", "u-42")
    assert alias["properties"] == {"previous_id": "hubspot-123"} and identify["lead_id"] == "hubspot-123"


def test_hubspot_s_properties_that_tell_of_e_mails_and_forms() -> None:
    for name, of_type in (
        ("hs_email_last_open_date", "email_open"),
        ("hs_email_last_click_date", "email_click"),
        ("recent_conversion_date", "form_submit"),
    ):
        event = one("hubspot", [change(name, "1711234500000")])
        assert short(event) == (of_type, "hubspot-123", "2024-03-23T22:55:00Z")
        assert events("hubspot", [change(name, "")]) == []
    assert one("hubspot", [change("hs_email_optout", "true")])["type"] == "unsubscribe"
    assert events("hubspot", [change("hs_email_optout", "false")]) == []
    assert one("hubspot", [change("hs_email_bounce", "1")])["type"] == "email_bounce"


def test_hubspot_s_contacts() -> None:
    assert short(one("hubspot", [hubspot(subscriptionType="contact.creation")]))[:2] == (
        "identify",
        "hubspot-123",
    )
    merged = hubspot(subscriptionType="contact.merge", primaryObjectId=123, mergedObjectIds=[123, 6, 7])
    first, second = events("hubspot", [merged])
    assert second["properties"] == {"previous_id": "hubspot-7"} and second["lead_id"] == "hubspot-123"
    assert first["id"] != second["id"]
    for nothing in ("contact.deletion", "deal.creation", "company.propertyChange"):
        assert events("hubspot", [hubspot(subscriptionType=nothing)]) == []
    general = hubspot(subscriptionType="object.creation", objectTypeId="0-1")
    assert one("hubspot", [general])["type"] == "identify"
    assert events("hubspot", [{**general, "objectTypeId": "0-3"}]) == []
    workflow = {
        "vid": 123,
        "properties": {"email": {"value": "ada@acme.test"}, "firstname": {"value": "Ada"}},
    }
    whole = one("hubspot", workflow)
    assert whole["traits"] == {"email": "ada@acme.test", "first_name": "Ada"}
    for wrong in ({}, hubspot(objectId=None)):
        with pytest.raises(EventError, match="objectId"):
            events("hubspot", [wrong])


def test_marketo_sends_what_its_user_wrote() -> None:
    told = {
        "event": "Click Email",
        "email": "Ada@Acme.test",
        "lead_id": 1234,
        "company": "Acme",
        "link": "https://acme.test/",
        "campaign": "October",
        "time": "2026-11-01 09:00:00",
    }
    identify, click = events("marketo", told)
    assert identify["traits"] == {"email": "Ada@Acme.test", "company": "Acme"}
    assert short(click) == ("email_click", "1234", "2026-11-01T09:00:00Z")
    assert click["anonymous_id"] == "ada@acme.test"
    assert click["properties"] == {
        "event": "Click Email",
        "link": "https://acme.test/",
        "campaign": "October",
    }
    assert [e["id"] for e in events("marketo", told)] == [identify["id"], click["id"]]
    assert events("marketo", {**told, "event": "Send Email"}) == []
    form = b"event=Fill+Out+Form&lead_id=7&url=https%3A%2F%2Facme.test%2F"
    assert one("marketo", form)["type"] == "form_submit"
    with pytest.raises(EventError, match="email"):
        events("marketo", {"event": "Open Email"})


def test_plezi_s_contacts_and_forms() -> None:
    contact = {"email": "ada@acme.test", "first_name": "Ada", "job_title": "DG"}
    found = one("plezi", {"event": "contact_updated", "contact": contact})
    assert (found["type"], found["anonymous_id"]) == ("identify", "ada@acme.test")
    assert found["traits"] == {"email": "ada@acme.test", "first_name": "Ada", "title": "DG"}
    assert one("plezi", contact)["type"] == "identify"
    _, sent = events("plezi", {"type": "form_submitted", "contact": contact, "form": "Demo"})
    assert (sent["type"], sent["properties"]["form"]) == ("form_submit", "Demo")


def test_events_of_ours_by_standard_webhooks() -> None:
    told = {"type": "email_open", "lead_id": "u-42"}
    proof = Proof("msg_1", AT)
    first, second = events("standard", [told, {**told, "type": "nps"}], proof=proof)
    assert (first["type"], first["lead_id"]) == ("email_open", "u-42")
    assert first["id"] != second["id"]
    assert [e["id"] for e in events("generic", [told], proof=proof)] == [first["id"]]
    assert one("standard", {**told, "id": "e"}, proof=proof)["id"] == "e"
    assert one("standard", told) == told
