"""`leadheat check`: which kind of file it is given, all its problems, and whether files go together."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from deploy.commands.files import kind_of
from scorer.yaml_file import YamlFile

ROOT = Path(__file__).parents[2]
GRID = ROOT / "deploy" / "grids" / "b2b-fr.yml"
TEAM = """
people:
  claire: {name: Claire Martin, channel: claire}
  paul: {}
teams:
  sales: {people: [claire, paul]}
"""
CHANNELS = "sales: [console]\nclaire: [console]\n"
SYNC = """
dynamics:
  kind: dynamics
  url: https://acme.crm4.dynamics.com
  auth: {tenant: acme.onmicrosoft.com, client_id: 6f1d1d6e, client_secret: {env: NOT_SET_HERE}}
"""


def _written(folder: Path, **files: str) -> list[str]:
    paths = [folder / f"{name}.yml" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.write_text(text)
    return [str(path) for path in paths]


def test_right_files_are_told_apart(tmp_path: Path) -> None:
    files = _written(tmp_path, team=TEAM, channels=CHANNELS, sync=SYNC)
    result = CliRunner().invoke(app, ["check", *files])
    assert result.exit_code == 0, result.output
    assert [line.partition(": ")[2] for line in result.output.splitlines()] == [
        "2 people, 1 teams, is right",
        "2 channels, 1 destinations, is right",
        "CRMs: dynamics, is right",
    ]


def test_all_problems_of_all_files_with_their_lines(tmp_path: Path) -> None:
    files = _written(
        tmp_path,
        team="people:\n  claire: {capacity: many}\nteams:\n  sales: {people: [nobody]}\n",
        channels="sales: [consle]\nboss: [{mail: nobody}]\n",
        sync="crm:\n  kind: dynamix\nother:\n  kind: hubspot\n",
    )
    result = CliRunner().invoke(app, ["check", *files])
    assert result.exit_code == 1
    assert {line.rsplit("/")[-1].partition(": ")[0] for line in result.output.splitlines()} == {
        "team.yml:2", "team.yml:4", "channels.yml:1", "channels.yml:2", "sync.yml:2", "sync.yml:3",
    }  # fmt: skip
    assert "is right" not in result.output


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("people: {claire: 1}", "team"),
        ("people: [claire]\ntimezone: UTC", "team"),
        ("people: [console]", "channels"),
        ("sales: console", "channels"),
        ("sales: [{webhook: x}]\nboss: 3", "channels"),
        ("crm: {kind: x}\nother: []", "sync"),
        ("mails: {a: {}}", "sequences"),
        ("tiers: []\npeople: {}", "grid"),
        ("- 1", "grid"),
        ("a: [", "grid"),
    ],
    ids=range(10),
)
def test_the_content_says_what_a_file_is(tmp_path: Path, text: str, kind: str) -> None:
    (file,) = _written(tmp_path, f=text)
    assert kind_of(Path(file)) == kind


def test_what_one_file_names_and_another_lacks(tmp_path: Path) -> None:
    grid = GRID.read_text() + (
        "  - {id: pass-on, when: {enters: warm}, do: [{assign: {by: territory, team: north}}, "
        "{task: {call: Rappeler, within: 4h, escalate: managers}}, {alert: owner}]}\n"
    )
    files = _written(tmp_path, grid=grid, team=TEAM, channels="sales: [console]\n")
    result = CliRunner().invoke(app, ["check", *files])
    assert result.exit_code == 1
    assert [line.rsplit(": ", 1)[-1] for line in result.output.splitlines()] == [
        "the play pass-on names the team north, which is not there",
        "the play pass-on names the channel managers, which is not there",
        "claire has the channel claire, which is not there",
    ]


def test_the_plays_that_the_page_shows_go_with_the_sample_grid(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "grid.md").read_text(encoding="utf-8")
    (example,) = [part for part in page.split("```") if "id: detractor" in part]
    shown = YamlFile(example.removeprefix("yml"), "grid.md").data
    sample = YamlFile(GRID.read_text(encoding="utf-8"), GRID.name).data
    for field in ("criteria", "plays"):
        sample[field] += shown[field]
    (grid,) = _written(tmp_path, grid=json.dumps(sample))
    result = CliRunner().invoke(app, ["check", grid])
    assert result.exit_code == 0, result.output
