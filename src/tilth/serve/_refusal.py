"""Say no to a request: a status, and the four words of every Tilth error as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from tilth.core.errors import TilthError


class Refusal(TilthError):
    """A request that is not answered, and the HTTP status that says so."""

    def __init__(
        self,
        status: int,
        what: str,
        *,
        where: str | None = None,
        wanted: str | None = None,
        do: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(what, where=where, wanted=wanted, do=do)
        self.status = status
        self.headers = dict(headers or {})


def response(refusal: Refusal, request_id: str) -> Response:
    """Return a refusal as `{"error": {"what", "where", "wanted", "do", "id"}}`, without what it does not say."""
    said = {"what": refusal.what, "where": refusal.where, "wanted": refusal.wanted, "do": refusal.do, "id": request_id}
    return json_response(
        {"error": {key: value for key, value in said.items() if value}}, refusal.status, refusal.headers
    )


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return plain JSON values as a response."""
    return Response(encode(value), status, dict(headers or {}), media_type="application/json")


def encode(value: Any) -> bytes:
    """Write JSON the one way this service writes it: UTF-8, no spaces, no NaN."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
