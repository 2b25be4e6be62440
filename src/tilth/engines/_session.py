"""Begin a Spark session or take the one there is, start jobs in it, and say in one line why it fails."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tilth.core.errors import Terminal, first_line, missing_extra

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LEAST_JAVA = 17
CONNECT_SECONDS = 10.0
_ROWS = 8
"""Sorted runs that a Python worker gets at a time: each may have some MB."""
_HERE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
"""For a master on this machine: nothing listens where others can reach it."""
_ALWAYS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(_ROWS),
    "spark.log.level": "OFF",
}


class Died(Exception):
    """A worker process or an executor ended, or was ended, in the middle of its work."""


def begun(master: str | None, settings: Mapping[str, str]) -> tuple[SparkSession, bool]:
    """Return a session of our own settings in the running application, or in a new one; tell whether it is new."""
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise missing_extra("pyspark", "spark", "running on Spark") from error
    there = running()
    if there is not None:
        if master is not None and there.sparkContext.master != master:
            raise Terminal(
                f"an application runs on {there.sparkContext.master}", where=master, wanted="one master in a process",
                do="Leave the master out to use the session there is, or stop that session.",
            )  # fmt: skip
        if settings:
            raise Terminal(
                f"the session there is cannot take settings ({next(iter(settings))})",
                wanted="no settings, or no session",
                do="Give them to whoever begins the session, such as spark-submit --conf.",
            )  # fmt: skip
        return _ours(there.newSession()), False
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if master is None and not submitted:
        raise Terminal("there is no Spark session", wanted="a master, such as local[2] or spark://host:7077")
    if not submitted:
        check_java()
    builder = SparkSession.builder.appName("tilth")
    if master is not None:
        builder = builder.master(master)
        if master.startswith("local") or re.match(r"spark://(127\.|localhost|\[::1\])", master):
            for name, value in _HERE.items():
                builder = builder.config(name, value)
    if master is not None:
        _check_reachable(master)
    # Spark reads this before its own setting.
    os.environ["PYSPARK_PYTHON"] = settings.get(
        "spark.pyspark.python", os.environ.get("PYSPARK_PYTHON", sys.executable)
    )
    for name, value in {**_ALWAYS, **settings}.items():
        builder = builder.config(name, value)
    try:
        found = builder.getOrCreate()
    except Exception as error:
        raise Terminal(
            f"Spark does not start: {_said(error)}", where=master, do="Check the master's address, and that it runs."
        ) from error
    return _ours(found), not submitted


def running() -> SparkSession | None:
    """Return the session of the application that this process has begun, or None."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    # A session is active on the thread that began it; the application is the process's.
    there = SparkSession.getActiveSession()
    alive: Any = SparkContext._active_spark_context
    return SparkSession.builder.getOrCreate() if there is None and alive is not None else there


def _ours(session: SparkSession) -> SparkSession:
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(_ROWS))
    return session


def _check_reachable(master: str) -> None:
    """Raise `Terminal` where nothing answers at a standalone master's address: Spark itself tries for over a minute."""
    if not master.startswith("spark://"):
        return
    why = ""
    for place in master.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS).close()
        except (OSError, ValueError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
        else:
            return
    raise Terminal(f"no master answers there ({why})", where=master, wanted="spark://host:port", do="Is it running?")


def check_java() -> None:
    """Raise `Terminal` where there is no Java, or one that Spark does not run on."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    wanted = f"Java {LEAST_JAVA} or newer"
    if java is None or shutil.which(java) is None:
        where = "JAVA_HOME" if home else None
        raise Terminal(
            "there is no Java", where=where, wanted=wanted, do="Install one: apt install openjdk-17-jre-headless"
        )
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 (the user's own Java)
    found = re.search(r'version "(?:1\.)?(\d+)', told.stderr + told.stdout)
    if found is None or int(found[1]) < LEAST_JAVA:
        what = f"this is Java {found[1]}" if found else "this Java does not say its version"
        raise Terminal(what, where=java, wanted=wanted, do="Point JAVA_HOME to another.")


@contextlib.contextmanager
def job(session: SparkSession, group: str, name: str) -> Iterator[None]:
    """Start jobs under a group and a name, on this thread; turn Spark's errors into ours."""
    session.sparkContext.setJobGroup(group, name, interruptOnCancel=True)
    try:
        yield
    except Exception as error:
        raise _ours_of(error, name) from error


def _ours_of(error: Exception, name: str) -> Exception:
    text = str(error)
    lacking = re.search(r"No module named '([\w.]+)'", text)
    if lacking:
        return Terminal(
            f"executors lack the package {lacking[1]}", where=name,
            do="Install Tilth and what the recipe uses on every node, or ship an environment: see docs/scaling.md.",
        )  # fmt: skip
    program = re.search(r'Cannot run program "([^"]+)"', text)
    if program:
        do = "Set spark.pyspark.python to a Python that is on every node."
        return Terminal(f"executors have no {program[1]}", where=name, do=do)
    if "No space left on device" in text:
        return Terminal("the disk of an executor is full", where=name, do="Make room in spark.local.dir; run again.")
    if re.search(
        r"crashed|exited unexpectedly|ExecutorLostFailure|EOFException|Connection reset|executor .* (lost|exited)",
        text,
        re.I,
    ):
        return Died(_said(error))
    return Terminal(f"Spark: {_said(error)}", where=name, do="Run again: what was finished is kept.")


def _said(error: Exception) -> str:
    """Return the line of an error that says most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = next((line for line in reversed(lines) if line.startswith("Caused by:")), None)
    return (cause or (lines[0] if lines else first_line(error)))[:300]


def packed(work: Any) -> bytes:
    """Pickle work for executors: what a notebook or a script defines goes as code, all else by its name."""
    from pyspark.cloudpickle import dumps

    found: bytes = dumps(work)  # type: ignore[no-untyped-call]  # it has no annotations
    return found


def schema(arrow: pa.Schema) -> str:
    """Return what Spark calls a schema of plain columns."""
    names = {pa.int64(): "bigint", pa.int32(): "int", pa.bool_(): "boolean", pa.binary(): "binary"}
    return ", ".join(f"`{field.name}` {names[field.type]}" for field in arrow)


def placed(rows: DataFrame, partitions: int) -> DataFrame:
    """Bring rows to tasks by their `place`; where there are many more places than slots, some places to each task."""
    from pyspark.sql import functions

    tasks = max(1, min(partitions, 2 * rows.sparkSession.sparkContext.defaultParallelism))
    return rows.repartitionById(tasks, functions.col("place") % tasks)
