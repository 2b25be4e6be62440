"""Count what the service does, as Prometheus reads it. No row content becomes a label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counters of one application, in a registry of its own."""

    def __init__(self, model: Mapping[str, str]) -> None:
        self._registry = registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter("tilth_requests", "Requests answered", ["path", "status"], registry=registry)
        self._seconds = Histogram(
            "tilth_request_seconds", "Seconds from request to answer", ["path"], registry=registry, buckets=_SECONDS
        )
        self._rows = Counter("tilth_rows", "Rows answered", ["status"], registry=registry)
        self._predictions = Counter("tilth_predictions", "Labels given", ["label"], registry=registry)
        self._dropped = Counter("tilth_dropped", "Rows dropped", ["operator", "rule"], registry=registry)
        self._cache: Gauge | None = None
        self.in_flight = Gauge("tilth_in_flight", "Requests being answered", registry=registry)
        Gauge("tilth_model", "The model that answers", list(model), registry=registry).labels(**model).set(1)
        for status in ("ok", "dropped", "failed", "abstained"):
            self._rows.labels(status)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count one request; `path` is one of the service's own, or `other`."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def answers(self, answers: Iterable[Mapping[str, Any]]) -> None:
        """Count the answers of one request."""
        for answer in answers:
            self._rows.labels(answer["status"]).inc()
            if answer["status"] == "dropped":
                self._dropped.labels(answer["operator"], answer["rule"]).inc()
            elif answer["status"] == "ok":
                for label in _labels(answer):
                    self._predictions.labels(label).inc()

    def cache(self, found: Mapping[str, int]) -> None:
        """Say what came of looking answers up: hits, misses, refused, errors, since the start."""
        if self._cache is None:
            self._cache = Gauge("tilth_cache", "Answers looked up in the cache", ["result"], registry=self._registry)
        for name, count in found.items():
            self._cache.labels(name).set(count)

    def page(self) -> bytes:
        """Return all of it in Prometheus' text form."""
        return generate_latest(self._registry)


def _labels(answer: Mapping[str, Any]) -> list[str]:
    if "entities" in answer:
        return [str(entity["type"]) for entity in answer["entities"]]
    given = answer.get("prediction")
    return [str(label) for label in given] if isinstance(given, list) else [str(given)]
