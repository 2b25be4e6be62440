"""A real HDFS: one NameNode and one DataNode of Hadoop 2.7.3, on private ports, with replication 1.

The server's jars come with the source package of pyspark 2.4.8 (220 MB, kept unpacked below `.make/servers/hadoop`).
Hadoop 2.7 is older than the Java that runs it here, so a few packages of Java's are opened to it; its web pages, which
no test needs, are empty folders. WebHDFS and YARN are not there.
"""

from __future__ import annotations

import getpass
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from tests import servers

HADOOP = servers.ENVIRONMENTS / "hadoop"
PACKAGE = "pyspark==2.4.8"
JARS = (
    *("hadoop-common", "hadoop-hdfs", "hadoop-auth", "hadoop-annotations", "commons-", "guava", "log4j", "slf4j-"),
    *("protobuf-java", "jetty-6", "jetty-util-6", "javax.servlet-api", "jersey-", "javax.ws.rs", "netty", "htrace"),
    *("jackson-core-asl", "jackson-mapper-asl", "jackson-jaxrs", "jackson-xc", "xercesImpl", "xml-apis", "leveldbjni"),
    *("jsr305", "avro-1", "xmlenc", "zookeeper", "activation", "jaxb-api", "validation-api", "hk2", "javax.inject"),
)
OPEN = ("java.lang", "java.util", "java.nio", "java.net", "sun.nio.ch")
PROPERTIES = {
    "fs.defaultFS": "hdfs://127.0.0.1:{name}",
    "hadoop.tmp.dir": "{folder}/tmp",
    "dfs.replication": "1",
    "dfs.webhdfs.enabled": "false",
    "dfs.permissions.enabled": "true",
    "dfs.namenode.http-address": "127.0.0.1:{name_web}",
    "dfs.namenode.secondary.http-address": "127.0.0.1:0",
    "dfs.namenode.safemode.extension": "0",
    "dfs.namenode.handler.count": "8",
    "dfs.namenode.fs-limits.min-block-size": "4096",
    "dfs.datanode.address": "127.0.0.1:{data}",
    "dfs.datanode.ipc.address": "127.0.0.1:0",
    "dfs.datanode.http.address": "127.0.0.1:0",
    "dfs.datanode.hostname": "127.0.0.1",
    "dfs.datanode.du.reserved": "0",
    "dfs.client.block.write.replace-datanode-on-failure.enable": "false",
}


def start() -> servers.Server:
    """Start it; `facts["url"]` is `hdfs://host:port`."""
    return servers.once("hdfs", _launch)


def environment(server: servers.Server) -> dict[str, str]:
    """Return the environment variables that clients need: who they are."""
    return {"HADOOP_USER_NAME": str(server.facts["user"])}


def _launch(folder: Path) -> servers.Server:
    java = servers.debian("java", "openjdk-17-jre-headless", places=("/usr/lib/jvm/*/bin", "/usr/bin"))
    jars = _jars()
    ports = {"name": servers.free_port(), "name_web": servers.free_port(), "data": servers.free_port()}
    name, data = folder / "name", folder / "data"
    name.mkdir()
    data.mkdir()
    argv = [java, *_options(folder, jars, ports)]
    done = subprocess.run(
        [*map(str, argv), "org.apache.hadoop.hdfs.server.namenode.NameNode", "-format", "-nonInteractive"],
        cwd=name, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the NameNode cannot be formatted: {done.stderr[-2000:]}")
    node = "org.apache.hadoop.hdfs.server.{0}.{1}"
    servers.spawn([*argv, node.format("namenode", "NameNode")], name, ready=lambda: servers.answers(ports["name"]))
    servers.spawn([*argv, node.format("datanode", "DataNode")], data, ready=lambda: servers.answers(ports["data"]))
    url = f"hdfs://127.0.0.1:{ports['name']}"
    _writable(url)
    facts = {"url": url, "user": getpass.getuser(), "data_port": ports["data"]}
    return servers.Server("hdfs", ports["name"], folder, facts=facts)


def _options(folder: Path, jars: Path, ports: dict[str, int]) -> list[str]:
    """Return Java's options, having written the configuration and the empty web pages."""
    conf = folder / "conf"
    for site in ("hdfs", "datanode"):
        (conf / "webapps" / site).mkdir(parents=True)
    filled = {key: value.format(folder=folder, **ports) for key, value in PROPERTIES.items()}
    rows = "".join(f"<property><name>{key}</name><value>{value}</value></property>\n" for key, value in filled.items())
    for file in ("core-site.xml", "hdfs-site.xml"):
        (conf / file).write_text(f'<?xml version="1.0"?>\n<configuration>\n{rows}</configuration>\n')
    (conf / "log4j.properties").write_text(
        "log4j.rootLogger=WARN,console\nlog4j.appender.console=org.apache.log4j.ConsoleAppender\n"
        "log4j.appender.console.target=System.err\nlog4j.appender.console.layout=org.apache.log4j.PatternLayout\n"
        "log4j.appender.console.layout.ConversionPattern=%d %p %c: %m%n\n"
    )
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPEN]
    quiet = ["-Xmx256m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true"]
    return [*opened, *quiet, f"-Dhadoop.log.dir={folder}", "-cp", f"{conf}:{jars}/*"]


def _jars() -> Path:
    """Return the folder of the server's jars, fetched on first use; skips where that can't be."""
    servers.ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    jars, unfinished = HADOOP / "jars", HADOOP / "unfinished"
    with servers.locked(servers.ENVIRONMENTS / "hadoop.lock"):
        if jars.is_dir():
            return jars
        python = servers.environment("hadoop-pip", ["setuptools<60", "wheel"])
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "-d", str(HADOOP)]
        if not list(HADOOP.glob("pyspark-*.tar.gz")):
            pip = [str(python), "-m", "pip", "download", "-q", "--disable-pip-version-check", *options, PACKAGE]
            done = subprocess.run(pip, capture_output=True, text=True, check=False, timeout=900)
            if done.returncode:
                pytest.skip(f"NOT TESTED: HDFS: {PACKAGE} cannot be downloaded: {done.stderr.strip()[-300:]}")
        package = next(HADOOP.glob("pyspark-*.tar.gz"))
        with tarfile.open(package) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                file = archive.extractfile(member) if "/deps/jars/" in member.name and name.startswith(JARS) else None
                if file:
                    (unfinished / name).write_bytes(file.read())
        unfinished.rename(jars)
        package.unlink()
    return jars


def _writable(url: str) -> None:
    """Wait until files can be written: the NameNode has left safe mode and knows its DataNode."""
    import hdfs_native

    end = time.monotonic() + 60
    while True:
        try:
            client = hdfs_native.Client(url)
            with client.create("/.ready", hdfs_native.WriteOptions(overwrite=True)) as file:
                file.write(b"ready")
            client.delete("/.ready")
        except Exception as error:
            if time.monotonic() > end:
                raise RuntimeError(f"HDFS takes no files: {error}") from error
            time.sleep(0.2)
        else:
            return
