"""One URL is fetched from the address that was judged, with its certificate checked and its name kept."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tilth.bytes.guard import Guard, Refused
from tilth.connectors._crawl.fetch import Fetcher
from tilth.connectors._crawl.inflate import Coded, inflater_for
from tilth.core.errors import Terminal, Transient

LOOPBACK = Guard(allow_private=("secure.test",), resolve=lambda host, port: ["127.0.0.1"])


def get(url: str, guard: Guard = LOOPBACK, **options):
    async def run():
        told = {"user_agent": "x", "concurrency": 4, "per_host": 2, "timeout": 5, "max_bytes": 1000, **options}
        fetcher = Fetcher(guard, **told)
        try:
            return await fetcher.get(url)
        finally:
            await fetcher.close()

    return asyncio.run(run())


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Path:
    """Make a certificate authority, and a certificate for secure.test."""
    if shutil.which("openssl") is None:
        pytest.skip("NOT TESTED: openssl is missing")
    folder = tmp_path_factory.mktemp("ca")
    name = "/CN=secure.test"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"]
    command += ["-days", "2", "-subj", name, "-addext", "subjectAltName=DNS:secure.test"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


SERVE = """
import asyncio, ssl, sys
names = []
async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    body = repr(names).encode()
    writer.write(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    await writer.drain()
    writer.close()
async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    context.sni_callback = lambda sock, name, context: names.append(name)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
FETCH = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.connectors.test_crawl_fetch import get
print(get(sys.argv[1]).body.decode())
"""


@pytest.fixture(scope="module")
def secure(authority):
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE], cwd=authority, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    yield f"https://secure.test:{process.stdout.readline().strip()}/"
    process.kill()
    process.communicate()


def test_a_certificate_that_nobody_vouches_for_is_refused(secure):
    with pytest.raises(Terminal, match="certificate is not valid"):
        get(secure)


@pytest.mark.slow
def test_a_name_is_sent_and_checked_though_an_address_is_connected_to(secure, authority):
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", FETCH, secure, root]
    trusted = {"SSL_CERT_FILE": str(authority / "cert.pem"), "PATH": ""}
    done = subprocess.run(command, env=trusted, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("'secure.test']")


def test_connections_go_to_judged_addresses_only():
    for url in ("http://127.0.0.1:8080/", "http://[::1]:8080/", "https://169.254.169.254/", "http://other.test/"):
        with pytest.raises(Refused):
            get(url)
    with pytest.raises(Refused, match="loopback"):
        get("http://public.test/", Guard(resolve=lambda host, port: ["93.184.215.14", "127.0.0.1"]))


def test_the_socket_itself_goes_nowhere_inside():
    """Whatever led there: a resolver that is wrong, a client that looks up again."""
    guard = Guard()
    object.__setattr__(guard, "judged", lambda host, answers: ["127.0.0.1"])
    object.__setattr__(guard, "addresses", lambda host, port: ["127.0.0.1"])
    with pytest.raises(Refused, match="loopback"):
        get("http://wrong.test:8080/", guard)


def test_nobody_there_may_pass():
    with pytest.raises(Transient, match="no connection"):
        get("http://secure.test:8099/")


def test_coded_content_is_undone_piece_by_piece():
    import zlib

    plain = b"0123456789" * 500
    bare = zlib.compressobj(wbits=-15)
    for coding, packed in {
        "gzip": zlib.compress(plain, wbits=31),
        "x-gzip": zlib.compress(plain[:2500], wbits=31) + zlib.compress(plain[2500:], wbits=31) + b"rubbish",
        "deflate": zlib.compress(plain),
        "deflate ": bare.compress(plain) + bare.flush(),
    }.items():
        inflater = inflater_for(coding.strip())
        found = b"".join(inflater.feed(packed[at : at + 100], 1 << 20) for at in range(0, len(packed), 100))
        assert found == plain and inflater.ended, coding


def test_no_more_comes_out_than_is_wanted():
    import zlib

    bomb = zlib.compress(b"\0" * (50 << 20), 9, wbits=31)
    assert len(inflater_for("gzip").feed(bomb, 1000)) == 1000


def test_codings_that_were_not_asked_for_are_refused():
    for coding in ("zstd", "compress", "gzip,gzip", "x" * 100):
        with pytest.raises(Coded):
            inflater_for(coding)
    with pytest.raises(Coded, match="broken"):
        inflater_for("gzip").feed(b"no gzip at all", 100)
