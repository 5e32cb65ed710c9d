"""The command line says of itself what the README says of it."""

import re
from pathlib import Path

from typer.main import get_command

from deploy.cli import app

_README = Path(__file__).parents[2] / "README.md"
_COMMANDS = getattr(get_command(app), "commands", {})


def _table() -> dict[str, str]:
    rows = re.findall(
        r"^\| `leadheat ([a-z]+)[^`]*` \| (.+?) \|$", _README.read_text(encoding="utf-8"), re.MULTILINE
    )
    return dict(rows)


def test_the_readme_lists_the_commands_as_help_does() -> None:
    assert _table() == {name: (one.help or "").splitlines()[0] for name, one in _COMMANDS.items()}


def test_the_readme_lists_every_option_of_up() -> None:
    text = _README.read_text(encoding="utf-8")
    options = [name for one in _COMMANDS["up"].params for name in one.opts if name != "--help"]
    assert [name for name in options if f"`{name}" not in text] == []


def test_every_option_and_argument_is_explained() -> None:
    for command in _COMMANDS.values():
        for parameter in command.params:
            assert getattr(parameter, "help", None), (command.name, parameter.name)
