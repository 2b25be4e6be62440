"""A web server of many hosts, for tests and the benchmark of the crawler; the Host header says which is meant.

Not a real site: its pages are made from their addresses. Raw asyncio, so that it is no bottleneck. A host's name begins
with what it is for: `web50.x.test` is a site of 50 linked pages (as large as its second part `s8000` may say), and
`odd.x.test` misbehaves as its paths say. `/__log?host=NAME` gives what was asked of a host, `/__set?host=…&key=…`
lets a test change one.

    python _site_server.py PORT [SITES]
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import random
import re
import sys
import time
import zlib
from collections import defaultdict
from urllib.parse import parse_qsl, unquote, urlsplit

LOG: dict[str, list[list[object]]] = defaultdict(list)
SET: dict[str, dict[str, str]] = defaultdict(dict)
AT_WORK: dict[str, int] = defaultdict(int)
MOST: dict[str, int] = defaultdict(int)
WORDS = ("crawl page link word text river stone paper lamp garden winter harbour violin copper meadow silver").split()
SITES: dict[str, str] = {}
"""The names under which addresses are sites."""
_PAGES: dict[tuple[str, str], bytes] = {}


def page(host: str, number: int, pages: int, size: int) -> bytes:
    """Return page `number` of a site: links to ten others, so that all can be reached, and words."""
    draw = random.Random(f"{host} {number}")
    targets = [2 * number + 1, 2 * number + 2, *(draw.randrange(pages) for _ in range(8))]
    links = "".join(f'<li><a href="/p/{target}">Page {target}</a></li>' for target in targets if target < pages)
    words = []
    length = 0
    while length < size:
        words.append(draw.choice(WORDS))
        length += len(words[-1]) + 1
        if len(words) % 60 == 0:
            words.append("</p>\n<p>")
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Page {number} of {host}</title></head>'
        f"<body><nav><ul>{links}</ul></nav><p>{' '.join(words)}</p></body></html>"
    ).encode()


def answer(
    body: bytes | str = b"", status: str = "200 OK", kind: str | None = "text/html; charset=utf-8", **headers: str
) -> bytes:
    """Return an answer's bytes."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def html(*links: str, text: str = "", head: str = "") -> str:
    """Return a page with links."""
    listed = "".join(f'<a href="{link}">x</a> ' for link in links)
    return f"<html><head>{head}</head><body>{text}{listed}</body></html>"


def site(host: str, path: str) -> bytes:
    """Answer for a site of linked pages."""
    pages = int(re.match(r"web(\d+)", host)[1])
    size = re.search(r"\.s(\d+)\.", host)
    if path == "/robots.txt":
        return answer("User-agent: *\nAllow: /\n", kind="text/plain")
    found = re.fullmatch(r"/p/(\d+)", path)
    number = 0 if path == "/" else int(found[1]) if found else pages
    if number >= pages:
        return answer("no", "404 Not Found")
    made = _PAGES.get((host, path))
    if made is None:
        made = answer(page(host, number, pages, int(size[1]) if size else 300))
        if len(_PAGES) < 30_000:
            _PAGES[host, path] = made
    return made


def settable(host: str, path: str, headers: dict[str, str]) -> bytes:
    """Answer with what a test has set for a path: JSON of body, status, kind and headers; validators are obeyed."""
    said = SET[host].get(path)
    if said is None:
        return answer("no", "404 Not Found")
    told = json.loads(said)
    body = told.get("body", "").encode("latin-1") if told.get("raw") else told.get("body", "").encode()
    if told.get("validate"):
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if headers.get("if-none-match") == tag:
            return b"HTTP/1.1 304 Not Modified\r\nETag: " + tag.encode() + b"\r\n\r\n"
        told.setdefault("headers", {})["ETag"] = tag
    return answer(body, told.get("status", "200 OK"), told.get("kind", "text/html"), **told.get("headers", {}))


def bomb(coding: str, size: int) -> bytes:
    """Return an answer that is small and unpacks to `size` bytes."""
    block = b"<p>" + b"a" * (1 << 20)
    if coding == "br":
        import brotli

        pack = brotli.Compressor(quality=5)
        body = b"".join(pack.process(block) for _ in range(size >> 20)) + pack.finish()
    else:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31 if coding == "gzip" else 15)
        body = b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()
    return answer(body, Content_Encoding=coding)


async def odd(host: str, path: str, headers: dict[str, str], out: Client) -> bytes | None:
    """Answer as the path says; None where the connection is to be closed."""
    steps = path.partition("?")[0].strip("/").split("/")
    name, rest = steps[0], steps[1:]
    if path == "/robots.txt":
        return answer(SET[host].get("robots", "User-agent: *\nAllow: /\n"), SET[host].get("robots_status", "200 OK"))
    if name == "bomb":
        return bomb(rest[0], int(rest[1]) << 20)
    if name == "gzipped":
        return answer(gzip.compress(html("/ok").encode()), Content_Encoding="gzip")
    if name == "redirect":
        number = int(rest[0])
        return answer("", "302 Found", Location=f"/redirect/{number + 1}")
    if name == "loop":
        return answer("", "301 Moved Permanently", Location=f"/loop/{1 - int(rest[0])}")
    if name == "to":
        return answer("", "302 Found", Location=unquote("/".join(rest)))
    if name == "slow":
        out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            out.write(b"x")
            await asyncio.sleep(0.05)
        return None
    if name == "silent":
        await asyncio.sleep(60)
        return None
    if name == "endless":
        out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100_000):
            out.write(b"10000\r\n" + b"y" * 65536 + b"\r\n")
            await out.drain()
        return None
    if name == "cut":
        out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\nhalf")
        return None
    if name == "cutgzip":
        out.write(answer(gzip.compress(random.Random(1).randbytes(9000))[:4000], Content_Encoding="gzip"))
        return b""
    if name == "short":
        out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nokayandmore")
        return None
    if name == "nolength":
        out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + html("/ok").encode())
        return None
    if name == "bigheader":
        return answer("x", X_Big="h" * int(rest[0]))
    if name == "manyheaders":
        lines = "".join(f"X-{number}: y\r\n" for number in range(int(rest[0])))
        return f"HTTP/1.1 200 OK\r\n{lines}Content-Length: 1\r\n\r\nx".encode()
    if name == "garbage":
        out.write(b"\x00\xff not http at all\r\n\r\n")
        return None
    if name == "later":
        count = sum(1 for each in LOG[host] if each[0] == path)
        if count <= int(rest[1]):
            return answer("wait", f"{rest[0]} Later", Retry_After=rest[2])
        return answer(html("/ok", text=path))
    if name == "trap":
        return answer(html(f"{path.rstrip('/')}/trap/trap/", f"/trap/?next={len(path)}", text=path))
    if name == "calendar":
        number = int(rest[0])
        return answer(html(f"/calendar/{number + 1}", text=f"day {number}"))
    if name == "encoded":
        body = f'<meta charset="{rest[0]}"><a href="/ok?q=中文">日本 中文</a>'.encode(rest[0], "replace")
        return answer(body, kind="text/html")
    if name == "tagged":
        return answer(html("/ok", text=path), X_Robots_Tag=unquote(rest[0]))
    if name == "kind":
        return answer(b"\x00binary", kind=unquote("/".join(rest)))
    if name == "wait":
        await asyncio.sleep(float(rest[0]))
        return answer(html(text=path))
    if name == "ok":
        return answer(html(text="fine"))
    return settable(host, path, headers)


class Client(asyncio.Protocol):
    """One connection: answers requests one after another; a site's pages at once, odd ones in a task."""

    def __init__(self) -> None:
        self._held = b""
        self._task: asyncio.Task[None] | None = None
        self._free = asyncio.Event()
        self._free.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.write = transport.write

    def connection_lost(self, error: Exception | None) -> None:
        self._free.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._free.clear()

    def resume_writing(self) -> None:
        self._free.set()

    async def drain(self) -> None:
        """Wait until the other side takes more; fails when it has hung up."""
        await self._free.wait()
        if self._transport.is_closing():
            raise ConnectionResetError

    def data_received(self, data: bytes) -> None:
        self._held += data
        while self._task is None and (end := self._held.find(b"\r\n\r\n")) >= 0:
            head, self._held = self._held[:end], self._held[end + 4 :]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
        if path.startswith("/__"):
            self.write(control(path))
            return
        LOG[host].append([path, time.time(), headers.get("user-agent", ""), headers.get("if-none-match", "")])
        if host.startswith("web") or host in SITES:
            self.write(site(SITES.get(host, host), path))
            return
        self._task = asyncio.ensure_future(self._oddly(host, path, headers))

    async def _oddly(self, host: str, path: str, headers: dict[str, str]) -> None:
        AT_WORK[host] += 1
        MOST[host] = max(MOST[host], AT_WORK[host])
        try:
            found = await odd(host, path, headers, self)
        except ConnectionResetError:
            found = None
        finally:
            AT_WORK[host] -= 1
        self._task = None
        if found is None:
            self._transport.close()
        else:
            self.write(found)
            self.data_received(b"")


def control(target: str) -> bytes:
    """Let a test see and change things."""
    parts = urlsplit(target)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    host = given.get("host", "")
    if parts.path == "/__log":
        cpu = time.process_time()
        return answer(json.dumps({"log": LOG[host], "most": MOST[host], "cpu": cpu}), kind="application/json")
    if parts.path == "/__count":
        counts = {name: len(log) for name, log in LOG.items() if name.endswith(host)}
        return answer(json.dumps({"counts": counts, "cpu": time.process_time()}), kind="application/json")
    if parts.path == "/__clear":
        for name in [name for name in LOG if name.endswith(host)]:
            del LOG[name]
    else:
        SET[host][given["key"]] = given["value"]
    return answer("ok")


async def main(port: int, addresses: list[str]) -> None:
    """Listen until killed."""
    server = await asyncio.get_running_loop().create_server(Client, addresses, port, backlog=1000)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


def sites(told: str) -> list[str]:
    """Take `{"addresses": […], "pages": 200, "size": 7000}`: sites known by their addresses, made in advance."""
    given = json.loads(told)
    for address in given["addresses"]:
        SITES[address] = f"web{given['pages']}.s{given['size']}.{address}"
        for number in range(given["pages"]):
            site(SITES[address], f"/p/{number}")
    return list(given["addresses"])


if __name__ == "__main__":
    listening = sites(sys.argv[2]) if len(sys.argv) > 2 else ["127.0.0.1"]
    asyncio.run(main(int(sys.argv[1]), listening))
