"""Run a query once, whoever asks for it, and read ranges of its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa

from tilth.connectors._bigquery.client import patient
from tilth.core.errors import DataError

KEPT = 22 * 3600
"""Seconds for which a result is read: BigQuery keeps it for 24 hours."""
_ATTEMPTS = 1000


class Value(NamedTuple):
    """A value and its type in GoogleSQL: what a cursor holds and a query compares with."""

    type: str
    text: str

    def parameter(self, name: str) -> Any:
        """Return it as a query's parameter."""
        from google.cloud.bigquery import ScalarQueryParameter

        return ScalarQueryParameter(name, self.type, self.text)


def value_of(value: Any, type: str) -> Value | None:
    """Return a cell of a result as a value to compare with."""
    if value is None:
        return None
    known = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
    text = value.isoformat() if isinstance(value, (date, datetime)) else str(value)
    if not isinstance(value, (int, float, str, date, datetime, Decimal)):
        raise DataError(f"{type} does not grow", where="bigquery.incremental", wanted="a time, a number or a text")
    return Value(known.get(type, type), text)


def finished(client: Any, sql: str, parameters: Sequence[Any], state: str, location: str | None) -> Any:
    """Return the finished job of a query; one that was run for the same state of the tables is found again.

    Its id is a hash of query, parameters and state. One that failed or whose result is too old gets a number.
    """
    told = [sql, [parameter.to_api_repr() for parameter in parameters], state]
    digest = hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=16).hexdigest()
    for attempt in range(_ATTEMPTS):
        job = _begun(client, f"tilth-{digest}-{attempt}", sql, parameters, location)
        if job is not None:
            return job
    raise DataError("too many tries of one query", where="bigquery", do="Run again tomorrow.")


def _begun(client: Any, name: str, sql: str, parameters: Sequence[Any], location: str | None) -> Any:
    from google.api_core import exceptions as api
    from google.cloud.bigquery import QueryJobConfig

    try:
        job = client.get_job(name, location=location, retry=patient())
        known = True
    except api.NotFound:
        known = False
        config = QueryJobConfig(query_parameters=list(parameters))
        try:
            job = client.query(sql, job_id=name, job_config=config, location=location, retry=patient(), job_retry=None)
        except api.Conflict:
            # Somebody began it between the two calls.
            job = client.get_job(name, location=location, retry=patient())
    old = known and job.ended is not None and (datetime.now(job.ended.tzinfo) - job.ended).total_seconds() > KEPT
    if old or (known and job.error_result):
        return None
    job.result(retry=patient(), job_retry=None, max_results=0)
    return job


def one(client: Any, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, str]:
    """Return the one cell of a query's result, and its type."""
    from google.cloud.bigquery import QueryJobConfig

    config = QueryJobConfig(query_parameters=list(parameters))
    rows = client.query(sql, job_config=config, retry=patient(), job_retry=None).result(retry=patient(), job_retry=None)
    return next(iter(rows))[0], str(rows.schema[0].field_type)


def rows_of(client: Any, job_id: str, location: str, start: int, count: int, page: int) -> Iterator[pa.RecordBatch]:
    """Yield a range of a finished query's rows, a page at a time: the same however often it is read."""
    from google.api_core import exceptions as api

    try:
        job = client.get_job(job_id, location=location, retry=patient())
        found = job.result(start_index=start, max_results=count, page_size=page, retry=patient(), job_retry=None)
        yield from found.to_arrow_iterable(bqstorage_client=None)
    except api.NotFound as error:
        raise DataError(
            "the result of the plan's query is gone: BigQuery keeps it for a day", where="bigquery", do="Run again."
        ) from error
