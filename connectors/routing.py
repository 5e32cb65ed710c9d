"""Tells of a path which route it belongs to, by the route's template, which holds nobody's key."""

from collections.abc import Iterable

from starlette.routing import Route


class RouteTable:
    """The paths of some routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        listed = list(routes)
        self._plain = {route.path: route.path for route in listed if "{" not in route.path}
        self._patterns = [(route.path_regex, route.path) for route in listed if "{" in route.path]

    def route_of(self, path: str) -> str | None:
        """The template of the route that answers the path, if any."""
        if (found := self._plain.get(path)) is not None:
            return found
        return next((template for pattern, template in self._patterns if pattern.match(path)), None)
