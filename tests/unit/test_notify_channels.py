"""The channels file: what it may say, and that every mistake is told with its line."""

import base64
import re
from pathlib import Path

import pytest

from connectors.notify.channels import Chat, Console, Webhook, load_channels, parse_channels
from connectors.notify.errors import ChannelsError
from connectors.office.team import parse_team

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def test_chats_and_mails_are_known_by_labels_without_keys_or_names() -> None:
    text = """
sales:
  - {slack: "https://hooks.slack.com/services/T/B/canary"}
  - {teams: "https://x.example/workflows/canary"}
  - {mail: [canary@acme.example, other@Acme.example]}
managers:
  - {mail: [canary@acme.example]}
  - {slack: "https://hooks.slack.com/services/T/B/other"}
"""
    channels = parse_channels(text, "channels.yml")
    assert [one.label for one in channels["sales"]] == [
        "slack",
        "teams",
        "mail acme.example",
        "mail acme.example (2)",
    ]
    assert [one.label for one in channels["managers"]] == ["mail acme.example", "slack (2)"]
    assert "canary" not in repr(channels)


def test_mails_need_a_server() -> None:
    with pytest.raises(ChannelsError, match="LEADHEAT_SMTP and LEADHEAT_MAIL_FROM") as refused:
        parse_channels("a:\n- {mail: [a@acme.example]}", "c.yml", mails=False)
    assert refused.value.problems[0].line == 2


def test_every_kind_of_destination_is_read() -> None:
    text = f"""
sales:
  - console
  - {{webhook: "https://crm.example.com/hooks?key=canary", secret: {SECRET}}}
  - slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/
  - console
nurture: []
"""
    channels = parse_channels(text, "channels.yml")
    assert channels == {
        "sales": (
            Console(),
            Webhook("https://crm.example.com/hooks?key=canary", SECRET),
            Chat("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"),
        ),
        "nurture": (),
    }
    assert [one.label for one in channels["sales"]] == ["console", "webhook crm.example.com", "chat slack"]
    assert "canary" not in repr(channels)
    assert SECRET not in repr(channels)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "c.yml:1: file: expected names with their lists"),
        ("- console", "c.yml:1: file: expected names with their lists"),
        ("sales: console", "c.yml:1: sales: expected a list, such as [console]"),
        ("a: [console]\nsales:\n  - consol", "c.yml:3: sales[0]: expected `console`, {slack: URL}"),
        ("sales:\n  - https://crm.example.com/x", "c.yml:2: sales[0]: Apprise knows no such service"),
        (
            f"a: [{{webhook: 'ftp://x', secret: {SECRET}}}]",
            "c.yml:1: a[0].webhook: expected an http or https",
        ),
        (f"a: [{{webhook: 'https://:80/', secret: {SECRET}}}]", "c.yml:1: a[0].webhook: expected an http"),
        (
            "a:\n- webhook: https://x.example\n",
            "c.yml:2: a[0].secret: expected whsec_ and the base64 of 24 to 64",
        ),
        ("a:\n- {webhook: 'https://x.example', secret: whsec_c2hvcnQ=}", "c.yml:2: a[0].secret: expected"),
        ("a:\n- {webhook: 'https://x.example', secret: 'whsec_!'}", "c.yml:2: a[0].secret: expected"),
        (
            f"a:\n- webhook: https://x.example\n  secret: {SECRET}\n  retry: 3",
            "c.yml:4: a[0].retry: means nothing",
        ),
        ("a: [{slack: hooks.slack.com}]", "c.yml:1: a[0].slack: expected the http or https URL that slack"),
        ("a: [{teams: 7}]", "c.yml:1: a[0].teams: expected the http or https URL that teams gave you"),
        ("a: [{slack: 'https://s.example/x', secret: x}]", "c.yml:1: a[0].secret: means nothing here"),
        ("a: [{mail: sales@acme.example}]", "c.yml:1: a[0].mail: expected a list of addresses"),
        ("a:\n- mail:\n  - a@acme.example\n  - nobody", "c.yml:4: a[0].mail[1]: expected an e-mail address"),
        ("owner: [console]", "c.yml:1: owner: means whoever has the lead"),
        ("a: [console]\na: [console]", "c.yml:2: a: given twice, first on line 1"),
        ("a: [console", "c.yml:1: file: no valid YAML"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(text: str, expected: str) -> None:
    with pytest.raises(ChannelsError) as refused:
        parse_channels(text, "c.yml")
    (problem,) = refused.value.problems
    assert str(problem).startswith(expected)


def test_all_mistakes_are_told_at_once_and_no_secret_with_them() -> None:
    text = "a: canary\nb:\n  - canary://x\n  - {webhook: canary, secret: canary}\n"
    with pytest.raises(ChannelsError) as refused:
        parse_channels(text, "c.yml")
    assert [problem.line for problem in refused.value.problems] == [1, 3, 4, 4]
    assert "canary" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "none.yml"
    with pytest.raises(ChannelsError, match="cannot be read"):
        load_channels(missing)
    missing.write_bytes(b"sales: [\xff]")
    with pytest.raises(ChannelsError, match="no UTF-8 text"):
        load_channels(missing)
    missing.write_text("sales: [console]")
    assert load_channels(missing) == {"sales": (Console(),)}


def test_the_documented_examples_are_right() -> None:
    docs = Path(__file__).parents[2] / "docs"
    [team] = re.findall(r"```yaml\n(.*?)```", (docs / "team.md").read_text(), re.DOTALL)
    assert list(parse_team(team, "team.md").people) == ["claire", "paul"]
    [example] = re.findall(r"```yaml\n(.*?)```", (docs / "notify.md").read_text(), re.DOTALL)
    channels = parse_channels(example.replace("whsec_…", SECRET).replace("….", "prod."), "notify.md")
    assert [one.label for one in channels["sales"]] == [
        "slack",
        "teams",
        "mail acme.example",
        "console",
        "chat discord",
    ]
