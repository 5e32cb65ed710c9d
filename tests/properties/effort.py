"""How hard properties are tried: CI takes the same examples each time, `make fuzz` many more, always new."""

import os

from hypothesis import settings

_EFFORT = int(os.environ.get("EFFORT", "1"))


def examples(count: int) -> settings:
    """So many examples, times EFFORT; none is timed, since the machine may be busy."""
    return settings(max_examples=count * _EFFORT, deadline=None, derandomize="LEADHEAT_CI" in os.environ)
