"""Serve a predictor over HTTP: `POST /predict`, a card, health, counts, and a page that needs no network.

app(Predictor(bundle), keys=["..."])                    an ASGI application, for any server
serve(Path("models/support/1"), on_ready=print)         the same under uvicorn, on loopback, until SIGTERM
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from tilth.bytes.cache import Cache
from tilth.core.errors import TilthError, missing_extra

try:
    import fastapi
    import prometheus_client  # noqa: F401 (named here, so that what is missing is said at once)
    import uvicorn
except ModuleNotFoundError as error:
    raise missing_extra(error.name or "fastapi", "serve", "serving over HTTP") from error

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tilth.serve import _listen, _page, _shape, bundle
from tilth.serve._guard import Guard, Keys
from tilth.serve._refusal import Refusal, json_response, response
from tilth.serve._service import Service
from tilth.serve.limits import Limits
from tilth.serve.predictor import Predictor

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
"""What a request's `Host` may say where no key guards the service: a page on the web cannot pose as one of these."""


def app(
    predictor: Predictor,
    *,
    keys: Sequence[str] = (),
    hosts: Collection[str] | None = None,
    limits: Limits | None = None,
) -> fastapi.FastAPI:
    """Return the ASGI application.

    `keys`: with any, `/predict`, `/model` and `/metrics` want one of them; only their SHA-256 is kept. `hosts`: the
    names that a request's `Host` may give; None takes all. Raises `TilthError` for a key that is too short.
    """
    service = Service(predictor, limits or Limits())

    @asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        yield
        service.pool.close()

    api = fastapi.FastAPI(
        title=predictor.bundle.name,
        version=predictor.bundle.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    _routes(api, service, keyed=bool(keys))

    @api.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        # Starlette's own 404 and 405, in the shape of every other refusal.
        refusal = Refusal(error.status_code, error.detail, where="path", headers=error.headers)
        return response(refusal, request.scope["state"]["request_id"])

    api.add_middleware(Guard, keys=Keys(keys), hosts=hosts, metrics=service.metrics)
    return api


def serve(
    bundle_path: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    keys: Sequence[str] = (),
    device: str = "auto",
    cache: Cache | None = None,
    limits: Limits | None = None,
    on_ready: Callable[[str], object] = lambda url: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Serve a bundle until SIGINT, SIGTERM or `stop`, then finish the requests that are being answered and return.

    `port` 0 picks a free port; `cache` keeps answers for rows that come again; `on_ready` is told the URL once requests
    are taken. Raises `TilthError` when the port is in use, or when others than this machine could reach the service
    and no key guards it; `ModelError` for a bundle that is not whole.
    """
    limits = limits or Limits()
    if not keys and not _listen.is_loopback(host):
        raise TilthError(
            f"{host or 'every address'} can be reached from other machines, and no key guards the service",
            where="serve",
            wanted="keys, or the host 127.0.0.1",
            do="Set serve.keys in the recipe, such as keys: env:TILTH_KEYS.",
        )
    with closing(_listen.bind(host, port)) as opened:
        predictor = Predictor(bundle.read(bundle_path, device=device), cache=cache)
        api = app(predictor, keys=keys, hosts=None if keys else LOOPBACK_NAMES, limits=limits)
        config = uvicorn.Config(
            api,
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="on",
            limit_concurrency=limits.connections,
            timeout_graceful_shutdown=limits.grace,
        )
        url = _listen.url_of(opened, host)
        _listen.Server(config, lambda: on_ready(url), stop).run(sockets=[opened])


def _routes(api: fastapi.FastAPI, service: Service, *, keyed: bool) -> None:
    refusals: dict[int | str, dict[str, Any]] = {
        status: {"model": _shape.Error, "description": said} for status, said in _REFUSALS.items()
    }
    locked: dict[str, Any] = {"security": [{"key": []}, {"bearer": []}]} if keyed else {}
    api.post(
        "/predict",
        response_model=_shape.Answers,
        response_model_exclude_none=True,
        responses=refusals,
        openapi_extra={"requestBody": _shape.request_body(service.predictor.forms, service.limits.max_rows), **locked},
    )(service.predict)
    api.get("/model", openapi_extra=locked)(service.model)
    api.get("/metrics", openapi_extra=locked)(service.count)
    api.get("/healthz")(service.healthz)
    api.get("/readyz", responses={503: refusals[503]})(service.readyz)
    described = _page.described(api, keyed=keyed)
    page = _page.render(described)

    @api.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return json_response(described)

    @api.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(page.html, headers={"Content-Security-Policy": page.policy})


_REFUSALS = {
    400: "The body is not JSON.",
    401: "No key, or a wrong one.",
    408: "The body did not arrive in time.",
    413: "The body is too long.",
    415: "The body is not declared as JSON.",
    422: "The rows are not what the model reads.",
    500: "The service failed; its log knows the id.",
    503: "Too many requests; come back after `Retry-After` seconds.",
    504: "No answer within the deadline.",
}
