"""Says whether the read API lives, can answer, and what it counted."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.serve.desk import Desk
from connectors.serve.feeder import Feeder


def routes(desk: Desk, feeder: Feeder) -> list[Route]:
    """`/healthz`, `/readyz` and `/metrics`."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        try:
            whole = await desk.cache.built(desk.scoring.digest) is not None
        except RedisError as error:
            return _unready(f"the cache does not answer: {type(error).__name__}")
        if not whole:
            return _unready(feeder.trouble or "the cache is being rebuilt from the topics")
        return JSONResponse({"status": "ready"})

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [
        Route("/healthz", live, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


def _unready(why: str) -> Response:
    return JSONResponse({"status": "unready", "reason": why}, 503, {"Retry-After": "1"})
