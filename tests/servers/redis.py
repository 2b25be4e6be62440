"""A Redis server: the real one, without a file, plain and with TLS under a certificate of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests import servers


def start() -> servers.Server:
    """Start one for all tests; it holds 64 MB and evicts what was used least recently."""
    return servers.once("redis", lambda folder: launch(folder, options=("--maxmemory-policy", "allkeys-lru")))


def launch(folder: Path, *, port: int = 0, options: Sequence[str] = (), name: str = "redis") -> servers.Server:
    """Start one in a folder, for a test that stops it, fills it or needs other options; its guard's id is a fact."""
    program = servers.debian("redis-server", "redis-server")
    port = port or servers.free_port()
    plain = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--maxmemory", "64mb"]
    argv = [program, *plain, "--dir", str(folder), *options]
    guard = servers.spawn(argv, folder, ready=lambda: servers.answers(port))
    return servers.Server(name, port, folder, facts={"url": f"redis://127.0.0.1:{port}/0", "guard": guard})


def start_tls() -> servers.Server:
    """Start one that speaks TLS only and wants the password `pass-of-tests`; `ca` is the certificate to trust."""
    return servers.once("redis-tls", _launch_tls)


def _launch_tls(folder: Path) -> servers.Server:
    program = servers.debian("redis-server", "redis-server")
    openssl = servers.debian("openssl", "openssl")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run([str(openssl), "req", *made, *subject], check=True, capture_output=True)
    port = servers.free_port()
    tls = ["--tls-port", str(port), "--port", "0", "--tls-auth-clients", "no", "--requirepass", "pass-of-tests"]
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(certificate)]
    plain = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    servers.spawn([program, *tls, *files, *plain], folder, ready=lambda: servers.answers(port))
    return servers.Server("redis-tls", port, folder, facts={"ca": str(certificate)})
