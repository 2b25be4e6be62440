"""An HTTP API that imitates what third-party APIs do: paging of five kinds, keys, limits, faults, files with ranges.

It is our own small server (`_api_server.py`), no vendor's: it speaks real HTTP over real sockets, and TLS with a
certificate of its own authority.
"""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from tests import servers

PROGRAM = Path(__file__).with_name("_api_server.py")


def start() -> servers.Server:
    """Start it; each test makes a space of its own (`Space`)."""
    return servers.once("api", _launch)


def _launch(folder: Path) -> servers.Server:
    port, secure = servers.free_port(), servers.free_port()
    certificate(folder)
    argv = [sys.executable, PROGRAM, str(port), str(secure), str(folder)]
    servers.spawn(argv, folder, ready=lambda: servers.answers(port) and servers.answers(secure))
    return servers.Server("api", port, folder, facts={"secure": secure, "ca": str(folder / "ca.pem")})


class Space:
    """A corner of the server with its own rows, rules and log."""

    def __init__(self, **config: Any) -> None:
        self.server = start()
        self.name = uuid.uuid4().hex[:12]
        self.base = f"http://127.0.0.1:{self.server.port}/s/{self.name}"
        self.secure = f"https://localhost:{self.server.facts['secure']}/s/{self.name}"
        self.ca = str(self.server.facts["ca"])
        self.put(**config)

    def put(self, **config: Any) -> None:
        """Change rows or rules: see `_api_server.py`."""
        self._ask("POST", f"/put/{self.name}", config)

    def log(self) -> list[dict[str, Any]]:
        """Return what was asked so far: method, path, query, headers."""
        return self._ask("GET", f"/log/{self.name}")

    def asked(self, path: str = "") -> list[str]:
        """Return the queries of requests whose path ends so."""
        return [each["query"] for each in self.log() if each["path"].endswith(path)]

    def _ask(self, method: str, path: str, value: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            connection.request(method, path, json.dumps(value).encode() if value is not None else None)
            return json.loads(connection.getresponse().read() or b"null")
        finally:
            connection.close()


def certificate(folder: Path) -> None:
    """Make an authority (`ca.pem`) and a certificate for localhost (`server.pem`)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.UTC)
    issuer_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])

    def built(subject: x509.Name, public: Any, *, authority: bool) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=30))
        return builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)

    others = "digital_signature content_commitment key_encipherment data_encipherment key_agreement encipher_only"
    usage = dict.fromkeys([*others.split(), "decipher_only"], False)
    root = built(issuer, issuer_key.public_key(), authority=True)
    root = root.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
    root_key_id = x509.SubjectKeyIdentifier.from_public_key(issuer_key.public_key())
    authority = root.add_extension(root_key_id, critical=False).sign(issuer_key, hashes.SHA256())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    own = built(subject, key.public_key(), authority=False)
    own = own.add_extension(x509.SubjectAlternativeName(names), critical=False)
    known_by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_key_id)
    signed = own.add_extension(known_by, critical=False).sign(issuer_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    (folder / "server.pem").write_bytes(private + signed.public_bytes(pem))
