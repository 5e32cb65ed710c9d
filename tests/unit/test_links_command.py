"""`leadheat links`: what it prints, and what it refuses."""

import csv
import io
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from connectors.ingest.link_tokens import Link, LinkKeys
from deploy.cli import app

KEY = "the link key of the tests"
KEYS = LinkKeys([KEY])
GATEWAY = "https://hits.acme.example"


def _run(*arguments: str, given: str | None = None, key: str | None = KEY) -> Result:
    return CliRunner().invoke(app, ["links", *arguments], input=given, env={"LEADHEAT_LINK_KEY": key})


def _read(address: str) -> Link | None:
    kind, token = address.removeprefix(GATEWAY).strip("/").split("/")
    return KEYS.read({"c": "click", "o": "open"}[kind], token.removesuffix(".gif"))


def test_the_links_of_one_person() -> None:
    done = _run(
        "--lead", "u-42", "--campaign", "demo", "--to", "https://acme.example/démo", "--gateway", GATEWAY
    )
    made = dict(line.split(": ") for line in done.output.splitlines())
    assert _read(made["click_url"]) == Link("click", "u-42", "demo", to="https://acme.example/d%C3%A9mo")
    assert _read(made["open_url"]) == Link("open", "u-42", "demo")


def test_without_a_target_there_is_a_pixel_only() -> None:
    done = _run("--lead", "u-42", "--message", "m-7")
    [line] = done.output.splitlines()
    assert line.startswith("open_url: http://127.0.0.1:8000/o/")


def test_a_link_that_nobody_sees_and_the_source_of_a_mailing() -> None:
    more = ("--honeypot", "--source", "mailings", "--tie")
    target = "https://acme.example/"
    done = _run("--lead", "u-42", "--to", target, "--gateway", GATEWAY, *more)
    made = dict(line.split(": ") for line in done.output.splitlines())
    assert list(made) == ["click_url", "honeypot_url", "open_url"]
    seen = Link("click", "u-42", to=target, ties=True, source="mailings")
    assert _read(made["click_url"]) == seen
    assert _read(made["honeypot_url"]) == replace(seen, ties=False, honeypot=True)
    assert _read(made["open_url"]) == Link("open", "u-42", source="mailings")

    listed = _run("--csv", "-", "--gateway", GATEWAY, *more, given=f"lead_id,to\nu-1,\nu-2,{target}\n")
    first, second = csv.DictReader(io.StringIO(listed.output))
    assert list(first) == ["lead_id", "to", "click_url", "honeypot_url", "open_url"]
    assert first["honeypot_url"] == ""
    assert _read(second["honeypot_url"]) == Link("click", "u-2", to=target, source="mailings", honeypot=True)


def test_a_honeypot_needs_somewhere_to_lead_to() -> None:
    assert _run("--lead", "u-42", "--honeypot").exit_code == 2


@pytest.mark.parametrize(("comma", "start"), [(",", ""), (";", "\ufeff")])
def test_a_list_for_a_mail_merge(comma: str, start: str, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    lines = [
        ["lead_id", "first_name", "to"],
        ["u-1", "Ada", ""],
        ["u-2", 'Zoé "Z"', "https://acme.example/zoe"],
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=comma).writerows(lines)
    file.write_text(start + text.getvalue(), encoding="utf-8")
    done = _run(
        "--csv",
        str(file),
        "--campaign",
        "demo",
        "--to",
        "https://acme.example/",
        "--gateway",
        GATEWAY,
        "--tie",
    )
    first, second = csv.DictReader(io.StringIO(done.output), delimiter=comma)
    assert list(first) == ["lead_id", "first_name", "to", "click_url", "open_url"]
    assert (second["first_name"], second["to"]) == ('Zoé "Z"', "https://acme.example/zoe")
    assert _read(first["click_url"]) == Link("click", "u-1", "demo", to="https://acme.example/", ties=True)
    assert _read(second["click_url"]) == Link(
        "click", "u-2", "demo", to="https://acme.example/zoe", ties=True
    )
    assert _read(second["open_url"]) == Link("open", "u-2", "demo")


def test_a_list_from_standard_input() -> None:
    done = _run("--csv", "-", "--gateway", GATEWAY, given="lead_id\nu-1\n")
    assert done.output.startswith("lead_id,click_url,open_url\nu-1,,https://hits.acme.example/o/")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("name\nAda\n", ":1: no column lead_id"),
        ("", ":1: no column lead_id"),
        ("lead_id,to\nu-1,https://acme.example/\nu-2,javascript:x\n", ":3: target 'javascript:x'"),
        ("lead_id\n\nundefined\n", ":3: lead 'undefined' is nobody"),
        ("lead_id,to\n,https://acme.example/\n", ":2: lead '' is nobody"),
        ('lead_id\n"u-1\n', "unexpected end of data"),
    ],
)
def test_a_list_is_refused_as_a_whole_naming_the_line(given: str, words: str) -> None:
    done = _run("--csv", "-", given=given)
    assert (done.exit_code, done.output) == (1, "")
    assert words in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "key", "words"),
    [
        (["--lead", "u-42"], None, "LEADHEAT_LINK_KEY is not set"),
        (["--lead", "u-42"], "short", "shorter than 16"),
        (["--lead", "u-42", "--to", "data:x"], KEY, "expected an http"),
        (["--lead", "u-42", "--gateway", "hits.acme.example"], KEY, "expected an http"),
        (["--csv", "no-such.csv"], KEY, "cannot be read"),
    ],
)
def test_what_cannot_be_made_is_said(arguments: list[str], key: str | None, words: str) -> None:
    done = _run(*arguments, key=key)
    assert (done.exit_code, done.output) == (1, "")
    assert words in str(done.exception)


def test_either_a_lead_or_a_list() -> None:
    assert _run().exit_code == _run("--lead", "u", "--csv", "x").exit_code == 2
