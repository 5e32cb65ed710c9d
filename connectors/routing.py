"""Tells of a path which route it belongs to, by the route's template, which holds nobody's key."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from starlette.routing import Match, Route
from starlette.types import Scope

_CONVERTOR: Final = re.compile(r":[a-z]+(?=\})")
_NOT_OURS: Final = "^(?!/(?:v1|answer)/)"
"""The API, and the page by which an alert is answered: on one port they stand beside the gateway's paths."""


class BelowRoute(Route):
    """A route below a path that ends with anything: what its own last segment says must be said unencoded.

    So an identity may end as the route does, its slashes encoded: `/v1/leads/a%2Ftimeline` is the lead
    `a/timeline`, not the timeline of `a`.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route answers the path."""
        ending = self.path.rpartition("}")[2].encode()
        if not (scope.get("raw_path") or ending).endswith(ending):  # servers may leave it out
            return Match.NONE, {}
        return super().matches(scope)


class AnyPathRoute(Route):
    """A route whose path begins with anything: it leaves alone what is LeadHeat's own, and other methods.

    A preflight is its own too. For the rest it says "not here" and not "not by this method", since another
    application may have the path.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], *, methods: Sequence[str]) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.path_regex = re.compile(self.path_regex.pattern.replace("^", _NOT_OURS, 1))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the route answers the path."""
        if scope.get("method") not in {*(self.methods or ()), "OPTIONS"}:
            return Match.NONE, {}
        return super().matches(scope)


class RouteTable:
    """The paths of some routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        listed = list(routes)
        self._plain = {route.path: route.path for route in listed if "{" not in route.path}
        self._patterns = [
            (route.path_regex, _CONVERTOR.sub("", route.path)) for route in listed if "{" in route.path
        ]

    def route_of(self, path: str) -> str | None:
        """The template of the route that answers the path, if any."""
        if (found := self._plain.get(path)) is not None:
            return found
        return next((template for pattern, template in self._patterns if pattern.match(path)), None)
