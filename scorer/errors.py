"""What the scorer refuses, and why: errors for the person who reads them."""

from dataclasses import dataclass


class ScorerError(Exception):
    """Base of every error that the scorer raises on purpose."""


class EventError(ScorerError):
    """A record that is no event; the text says what is wrong with it."""


class FileError(ScorerError):
    """A line of an event file that can't be read; the text names file and line."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in a file: where, and what would be right."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message}"


class GridError(ScorerError):
    """A grid that is wrong, with all its problems at once, in order of their lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.field)))
        super().__init__("\n".join(map(str, self.problems)))
