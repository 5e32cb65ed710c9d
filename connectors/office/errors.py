"""What the office refuses."""

from scorer.errors import Problem


class TeamError(Exception):
    """A team file that is wrong, with all its problems at once, in order of their lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.field)))
        super().__init__("\n".join(map(str, self.problems)))
