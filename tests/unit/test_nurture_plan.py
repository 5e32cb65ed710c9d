"""Files of sequences: all that is wrong is told at once, each with its line; the sample is right."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.nurture.errors import PlanError
from connectors.nurture.plan_reader import load_plan, parse_plan
from deploy.cli import app
from scorer.grid import parse_grid

SAMPLE = Path(__file__).parents[2] / "deploy" / "sequences" / "b2b-fr.yml"
GRID = SAMPLE.parents[1] / "grids" / "b2b-fr.yml"

WRONG = """nurturing: my file
sender: {address: nobody, footer: {de: Acme}}
hours: {from: 18, to: "25:00", holidays: XX, days: [monday]}
timezone: Mars
at_most: two a week
require_consent: maybe
surprise: 1
mails:
  hello: {subject: "{{ lead.first_name", text: {fr: "{{ link('javascript:alert(1)') }}"}}
  bye: {subject: {fr: a}, text: {en: b}}
sequences:
  one:
    priority: high
    again: sometimes
    exit: {tiers: hot, events: [Demo Requested]}
    if: {scores: 3}
    steps:
      - mail: helo
      - wait: 3
      - mail: bye
      - mail: bye
      - {if: {clicked: nothing}}
      - {mail: bye, wait: 1d}
      - sleep: 1d
  empty: {steps: []}
surveys:
  one: {mail: bye, on: [X]}
"""


def _problems(text: str) -> list[str]:
    with pytest.raises(PlanError) as refused:
        parse_plan(text, "s.yml")
    return str(refused.value).splitlines()


def test_everything_wrong_is_told_with_its_line_and_field() -> None:
    found = _problems(WRONG)
    places = [line.split(": ")[0] + ": " + line.split(": ")[1] for line in found]
    assert places == [
        "s.yml:1: nurturing",
        "s.yml:2: sender.address",
        "s.yml:2: sender.footer",
        "s.yml:2: sender.footer.de",
        "s.yml:3: hours.days[0]",
        "s.yml:3: hours.from",
        "s.yml:3: hours.holidays",
        "s.yml:3: hours.to",
        "s.yml:4: timezone",
        "s.yml:5: at_most",
        "s.yml:6: require_consent",
        "s.yml:7: surprise",
        "s.yml:9: mails.hello.subject",
        "s.yml:9: mails.hello.subject",
        "s.yml:9: mails.hello.text",
        "s.yml:9: mails.hello.text.fr",
        "s.yml:10: mails.bye.text",
        "s.yml:13: sequences.one.priority",
        "s.yml:14: sequences.one.again",
        "s.yml:15: sequences.one.exit.events",
        "s.yml:15: sequences.one.exit.tiers",
        "s.yml:16: sequences.one.if.scores",
        "s.yml:18: sequences.one.steps[0].mail",
        "s.yml:19: sequences.one.steps[1].wait",
        "s.yml:21: sequences.one.steps[3]",
        "s.yml:22: sequences.one.steps[4]",
        "s.yml:22: sequences.one.steps[4].if.clicked",
        "s.yml:23: sequences.one.steps[5]",
        "s.yml:24: sequences.one.steps[6]",
        "s.yml:25: sequences.empty.steps",
        "s.yml:27: surveys.one",
        "s.yml:27: surveys.one.mail",
        "s.yml:27: surveys.one.on",
    ]
    assert any("did you mean hello?" in line for line in found)


@pytest.mark.parametrize("text", ["", "[]", "1", "nurturing: x", "sequences: 1", "a: b: c"])
def test_no_file_is_taken_for_one(text: str) -> None:
    assert _problems(text)


def test_ids_of_waits_stay_when_a_file_is_changed_elsewhere() -> None:
    head = "nurturing: x\nsender: {address: a@b.example, footer: x}\nmails:\n"
    mails = "".join(f"  {one}: {{subject: s, text: t}}\n" for one in ("a", "b", "c"))
    before = "sequences: {s: {steps: [{mail: a}, {wait: 1d}, {mail: b}, {wait: 2d}, {mail: c}]}}\n"
    after = "sequences: {s: {steps: [{wait: 5d}, {mail: a}, {mail: b}, {wait: 2d}, {mail: c}]}}\n"
    orders = [parse_plan(head + mails + one, "s.yml").sequences["s"].order for one in (before, after)]
    assert orders[0] == ("a", "a+wait", "b", "b+wait", "c", "end")
    assert orders[1] == ("start+wait", "a", "b", "b+wait", "c", "end")


def test_the_sample_is_right_and_goes_with_the_sample_grid() -> None:
    found = load_plan(SAMPLE)
    assert {"keep-warm", "case-studies"} <= set(found.sequences)
    result = CliRunner().invoke(app, ["check", str(SAMPLE), str(GRID)])
    assert result.exit_code == 0, result.output
    assert result.output.count("is right") == 2


def test_check_tells_of_plays_that_name_what_is_not_there(tmp_path: Path) -> None:
    other = tmp_path / "s.yml"
    other.write_text(SAMPLE.read_text().replace("keep-warm:", "keep-hot:").replace("[hot]", "[boiling]"))
    result = CliRunner().invoke(app, ["check", str(other), str(GRID)])
    assert result.exit_code == 1
    assert "names the sequence keep-warm" in result.output
    assert "ends at the tier boiling" in result.output


def test_check_tells_of_all_files(tmp_path: Path) -> None:
    wrong = tmp_path / "s.yml"
    wrong.write_text("nurturing: x\n")
    result = CliRunner().invoke(app, ["check", str(wrong), str(tmp_path / "none.yml")])
    assert result.exit_code == 1
    assert "s.yml:1: mails: missing" in result.output
    assert "none.yml" in result.output


def test_the_pages_example_is_right() -> None:
    page = (SAMPLE.parents[2] / "docs" / "nurture.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    found = parse_plan(example, "docs/nurture.md")
    assert (list(found.sequences), list(found.surveys)) == (["keep-warm"], ["apres-projet"])


def test_the_grid_takes_what_the_sample_proposes_for_answers() -> None:
    proposed = re.findall(r"^#   ?(.*)$", SAMPLE.read_text(encoding="utf-8").partition("surveys:\n")[0], re.M)
    lines = "\n".join(proposed[proposed.index("criteria:") :])
    criteria, _, plays = lines.partition("plays:\n")
    grid = GRID.read_text(encoding="utf-8").replace("criteria:\n", criteria + "\n", 1) + plays + "\n"
    assert {play.id for play in parse_grid(grid, "grid.yml").plays} >= {"unhappy", "witness"}
