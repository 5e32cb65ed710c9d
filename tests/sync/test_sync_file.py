"""The sync file: read as it is meant, and every mistake told at once with its line."""

from pathlib import Path

import pytest

from connectors.sync import kinds
from connectors.sync.errors import SyncFileError
from connectors.sync.sync_file import parse_sync_file

_RIGHT = """
sales:
  kind: hubspot
  auth: {token: {env: TOKEN}}
  tie: {email: false}
  read: {every: 30s, outcomes: {lifecyclestage: {customer: won}}}
  write: {delta: 2.5, grades: {A: 90, B: 60, C: 30}, tasks: false}
"""


def _lines(text: str) -> list[str]:
    with pytest.raises(SyncFileError) as refused:
        parse_sync_file(text, "sync.yml", {"EMPTY": ""})
    return str(refused.value).splitlines()


def test_a_right_file_is_read_as_it_is_meant() -> None:
    [sales] = parse_sync_file(_RIGHT, "sync.yml", {"TOKEN": "pat-1"})
    assert (sales.name, sales.kind.name, sales.record_trait, sales.email_trait) == (
        "sales",
        "hubspot",
        "crm.sales.id",
        None,
    )
    assert sales.reads is not None
    assert (sales.reads.every_s, sales.reads.outcomes) == (30.0, {"lifecyclestage": {"customer": "won"}})
    assert sales.reads.traits["jobtitle"] == "title"
    assert sales.writes is not None
    assert (sales.writes.delta, sales.writes.grades, sales.writes.tasks) == (2.5, (90, 60, 30), False)
    assert "pat-1" not in repr(sales)


def test_every_kind_is_found_by_its_name() -> None:
    assert {"csv", "dynamics", "hubspot", "marketo", "sagecrm", "salesforce", "sixsense"} == set(
        kinds.names()
    )
    assert all(kinds.kind(name).name == name for name in kinds.names())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["sync.yml:1: file: expected names with their CRMs, such as `dynamics: {kind: dynamics, …}`"]),
        ("a: {kind: hubspott}", ["sync.yml:1: a.kind: no kind of CRM: did you mean hubspot?"]),
        ("a:\n  kind: hubspot\n", ["sync.yml:1: a.auth: missing"]),
        (
            "a:\n  kind: hubspot\n  auth: {token: pat-eu1-secret}\n",
            [
                "sync.yml:3: a.auth.token: expected {env: NAME} or {file: PATH}: no secret stands in this "
                "file itself"
            ],
        ),
        (
            "a:\n  kind: hubspot\n  auth: {token: {env: EMPTY}}\n",
            ["sync.yml:3: a.auth.token.env: EMPTY is not set: expected a variable that holds the secret"],
        ),
        (
            "a:\n  kind: hubspot\n  auth: {client_id: x}\n",
            [
                "sync.yml:3: a.auth: expected {token: {env: HUBSPOT_TOKEN}}, or client_id, client_secret "
                "and refresh_token"
            ],
        ),
    ],
    ids=["empty", "kind", "auth", "secret", "variable", "half an app"],
)
def test_what_is_wrong_is_told_with_what_would_be_right(text: str, said: list[str]) -> None:
    assert _lines(text) == said


def test_all_mistakes_at_once() -> None:
    lines = _lines(
        """
crm:
  kind: dynamics
  url: http://acme.crm4.dynamics.com
  auth: {tenant: acme.example, client_id: c, client_secret: {env: EMPTY}}
  direction: write
  lead_id: phone
  read:
    traits: {leadheat_score: score}
    outcomes: {statuscode: {"4": lots}}
  write:
    fields: {points: x, score: "1 2"}
    grades: {A: 10, B: 20, C: 5}
    delta: 0
    language: de
"""
    )
    assert [line.split(": ")[0:2] for line in lines] == [
        ["sync.yml:4", "crm.url"],
        ["sync.yml:5", "crm.auth.client_secret.env"],
        ["sync.yml:7", "crm.lead_id"],
        ["sync.yml:8", "crm.read"],
        ["sync.yml:10", "crm.read.outcomes.statuscode.4"],
        ["sync.yml:12", "crm.write.fields.points"],
        ["sync.yml:12", "crm.write.fields.score"],
        ["sync.yml:13", "crm.write.grades"],
        ["sync.yml:14", "crm.write.delta"],
        ["sync.yml:15", "crm.write.language"],
    ]


def test_what_we_write_is_not_read_as_a_trait() -> None:
    [line] = _lines(
        "a:\n  kind: hubspot\n  auth: {client_id: x, client_secret: {file: s}, refresh_token: {file: s}}\n"
        "  read: {traits: {leadheat_score: score}}\n"
    )[-1:]
    assert line.startswith("sync.yml:4: a.read.traits.leadheat_score: is written by us")


def test_a_secret_may_stand_in_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pat-2\n")
    text = "a:\n  kind: hubspot\n  auth: {token: {file: token}}\n"
    [found] = parse_sync_file(text, str(tmp_path / "sync.yml"), {})
    assert found.options.credentials.token == "pat-2"
