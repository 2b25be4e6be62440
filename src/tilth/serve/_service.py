"""Answer each route of the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from tilth.core.errors import DataError
from tilth.serve._answers import Answer
from tilth.serve._body import read_json
from tilth.serve._metrics import CONTENT_TYPE, Metrics
from tilth.serve._pool import Pool, Stop
from tilth.serve._refusal import Refusal, encode, json_response
from tilth.serve._rows import json_word
from tilth.serve.bundle import Bundle
from tilth.serve.limits import Limits
from tilth.serve.predictor import Predictor

_NAMED = 8
"""How many fields that the model does not read are named in an answer."""


class _Answered(NamedTuple):
    body: bytes
    answers: Sequence[Answer]


class Service:
    """What one application holds: the predictor, the line before it, the counts."""

    def __init__(self, predictor: Predictor, limits: Limits) -> None:
        self.predictor, self.limits = predictor, limits
        self.card = card(predictor.bundle)
        self._model = {name: self.card[name] for name in ("name", "version", "digest")}
        self.metrics = Metrics(self._model)
        self.pool = Pool(limits.workers, limits.waiting)

    async def predict(self, request: Request) -> Response:
        """Answer the rows in the body: `{"rows": [...]}`, or one row by itself, such as `{"text": "..."}`."""
        body = await read_json(request, limit=self.limits.max_body, seconds=self.limits.body_deadline)
        rows = _rows(body, self.limits.max_rows)
        request.scope["state"]["rows"] = len(rows)
        try:
            found = await self.pool.run(lambda stop: self._answer(rows, stop), self.limits.deadline)
        except DataError as error:
            where = error.where if "rows" in body or error.where is None else error.where.replace("rows[0]", "body")
            raise Refusal(422, error.what, where=where, wanted=error.wanted, do=error.do) from error
        self.metrics.answers(found.answers)
        return Response(found.body, media_type="application/json")

    async def healthz(self) -> Response:
        """Say that the process lives."""
        return json_response({"status": "live"})

    async def readyz(self) -> Response:
        """Say whether the next request would be taken."""
        if self.pool.full:
            raise Refusal(503, "every place in the line is taken", headers={"Retry-After": "1"})
        return json_response({"status": "ready"})

    async def model(self) -> Response:
        """Tell which model answers, what it was trained on and how it measured."""
        return json_response(self.card)

    async def count(self) -> Response:
        """Give the counts to Prometheus."""
        if self.predictor.cached is not None:
            self.metrics.cache(asdict(self.predictor.cached))
        return Response(self.metrics.page(), media_type=CONTENT_TYPE)

    def _answer(self, rows: Sequence[Any], stop: Stop) -> _Answered:
        answers = self.predictor.predict(rows, stop=stop)
        said: dict[str, Any] = {"model": self._model, "answers": answers}
        unknown = [name[:64] for name in self.predictor.unknown(rows)]
        if unknown:
            more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
            said["notes"] = [f"the model does not read these fields: {', '.join(unknown[:_NAMED])}{more}"]
        return _Answered(encode(said), answers)


def card(bundle: Bundle) -> dict[str, Any]:
    """Return what the world may know of a bundle: no operator's options, no path of this machine."""
    held = bundle.card
    files: Mapping[str, Mapping[str, int]] = held["files"]
    return {
        "name": bundle.name,
        "version": bundle.version,
        "digest": bundle.digest,
        "task": bundle.task,
        **{key: held[key] for key in ("created", "made_by", "data", "recipe")},
        "refine": [spec["part"] for spec in held["refine"]],
        "model": held["model"],
        "signature": {"inputs": dict(bundle.signature.inputs), "outputs": dict(bundle.signature.outputs)},
        "labels": list(bundle.labels),
        "decision": held["decision"],
        "metrics": held["metrics"],
        "notes": list(bundle.notes),
        "bytes": sum(entry["bytes"] for entry in files.values()),
    }


def _rows(body: Any, most: int) -> Sequence[Any]:
    wanted = f'{{"rows": [...]}} with up to {most} rows, or one row such as {{"text": "..."}}'
    if not isinstance(body, dict):
        raise Refusal(422, f"the body is {json_word(body)}", where="body", wanted=wanted)
    if "rows" not in body:
        return [body]
    rows = body["rows"]
    if not isinstance(rows, list):
        raise Refusal(422, f"rows is {json_word(rows)}", where="rows", wanted=wanted)
    if len(body) > 1:
        raise Refusal(422, "there are fields beside rows", where="body", wanted=wanted)
    if len(rows) > most:
        raise Refusal(
            422, f"{len(rows)} rows in one request", where="rows", wanted=f"at most {most}", do="Send several requests."
        )
    return rows
