"""Spark: Java for a driver in the test's own process, and a standalone master with two workers of one core each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers

MEMORY = "768m"


def java() -> Path:
    """Return a Java that Spark runs on, and let this process use it; installs one where there is none."""
    pytest.importorskip("pyspark", reason="NOT TESTED: Spark: pyspark is not installed")
    places = ("/usr/lib/jvm/*17*/bin", "/usr/lib/jvm/*21*/bin", "/usr/lib/jvm/*/bin", "/usr/bin")
    root = Path("/")
    there = [path for place in places for path in sorted(root.glob(f"{place.strip('/')}/java"))]
    found = next((path for path in there if _version(path) >= 17), None)
    if found is None:
        found = servers.debian("java", "openjdk-17-jre-headless", places=("/usr/lib/jvm/*17*/bin",))
    os.environ["JAVA_HOME"] = str(found.resolve().parent.parent)
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    return found


def start() -> servers.Server:
    """Start a master and two workers; `facts["url"]` is `spark://host:port`."""
    java()
    return servers.once("spark", _launch)


def _version(path: Path) -> int:
    said = subprocess.run([str(path), "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr + said.stdout)
    return int(found[1]) if found else 0


def _launch(folder: Path) -> servers.Server:
    import pyspark

    home = Path(pyspark.__file__).parent
    program = str(home / "bin" / "spark-class")
    port = servers.free_port()
    settings = {"SPARK_NO_DAEMONIZE": "1", "SPARK_DAEMON_MEMORY": "256m", "SPARK_HOME": str(home)}
    master = ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
    for name in ("master", "one", "two"):
        (folder / name).mkdir()
    servers.spawn([program, *master], folder / "master", ready=lambda: servers.answers(port), env=settings)
    url = f"spark://127.0.0.1:{port}"
    for name in ("one", "two"):
        worker = ["org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--webui-port", "0"]
        worker += ["-c", "1", "-m", MEMORY, "-d", str(folder / name), url]
        log = folder / name / "log"
        servers.spawn([program, *worker], folder / name, ready=lambda log=log: _registered(log), env=settings)
    return servers.Server("spark", port, folder, facts={"url": url})


def _registered(log: Path) -> bool:
    return log.exists() and "Successfully registered with master" in log.read_text(errors="replace")
