"""What the office refuses."""

from scorer.errors import Problem


class TeamError(Exception):
    """A team file that is wrong: all that is, a line each."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
