"""Every generated grid is one that the scorer accepts; else the other properties would test nothing."""

import json

from hypothesis import given

from scorer.grid import parse_grid
from tests.properties.effort import examples
from tests.properties.grids import grids, text
from tests.properties.logs import Told


@examples(150)
@given(grids())
def test_a_generated_grid_is_accepted(grid: Told) -> None:
    accepted = parse_grid(text(grid), "generated.yml")
    assert (accepted.name, accepted.version) == (grid["grid"], grid["version"])
    assert [tier.id for tier in accepted.tiers] == [tier["id"] for tier in grid["tiers"]]
    assert json.loads(text(grid)) == grid
