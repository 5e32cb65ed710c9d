"""The same few inputs to every parser each time: `make fuzz-parsers` takes many more, always new ones."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

RUNS = 30


@pytest.mark.slow
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this Python or machine")
def test_no_parser_raises_what_none_may() -> None:
    command = [sys.executable, "-m", "tests.fuzz.run", "--runs", str(RUNS), "--seed", "1"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5_000:]
