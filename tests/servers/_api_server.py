"""The program behind `api.py`: spaces with rows and rules, told by `POST /put/<space>`, logged at `/log/<space>`.

Rules (JSON): `rows`, `auth` ({bearer, basic, header: {name: value}, query: {name: value}, token}), `faults` (a list of
{status, headers, hang_up} used up one a request, or {every: n, status}), `files` ({name: text}), `cut` (a list of byte
counts after which a file's answer breaks off), `etag`, `answers` ({path: JSON}), `delay` (seconds a request),
`raw` (answers as they are sent, one a request, the last for good).
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

SPACES: dict[str, dict[str, Any]] = {}
LOCK = threading.Lock()


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else each answer waits 40 ms for the client's acknowledgement of its headers.
    disable_nagle_algorithm = True

    def log_message(self, *said: object) -> None:
        pass

    def do_GET(self) -> None:
        self.go()

    do_POST = do_HEAD = do_GET

    def go(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.sent = self.rfile.read(length) if length else b""
        parts = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        steps = parts.path.strip("/").split("/")
        if steps[0] == "put":
            with LOCK:
                SPACES.setdefault(steps[1], {"log": [], "count": 0}).update(json.loads(self.sent))
            return self.json({})
        if steps[0] == "log":
            return self.json(SPACES[steps[1]]["log"])
        self.space = SPACES[steps[1]]
        place = "/".join(steps[2:])
        with LOCK:
            self.space["count"] += 1
            count = self.space["count"]
            self.space["log"].append(
                {"method": self.command, "path": parts.path, "query": parts.query, "headers": dict(self.headers),
                 "body": self.sent.decode("utf-8", "replace")}
            )  # fmt: skip
            fault = self.fault(count)
        time.sleep(self.space.get("delay", 0))
        if fault:
            return self.fail(fault)
        if place == "token":
            return self.token()
        if not self.allowed():
            return self.json({"error": "no"}, 401)
        if place in self.space.get("answers", {}):
            return self.json(self.space["answers"][place])
        name, _, rest = place.partition("/")
        return getattr(self, f"at_{name}", self.lost)(rest)

    def fault(self, count: int) -> dict[str, Any] | None:
        faults = self.space.get("faults")
        if isinstance(faults, dict):
            return faults if count % faults["every"] == 0 else None
        return faults.pop(0) if faults else None

    def fail(self, fault: dict[str, Any]) -> None:
        if fault.get("pass"):
            return self.json({})
        if fault.get("hang_up"):
            self.close_connection = True
            return None
        return self.json({"error": "fault"}, fault["status"], fault.get("headers"))

    def allowed(self) -> bool:
        auth = self.space.get("auth", {})
        said = self.headers.get("Authorization", "")
        if "bearer" in auth and said != f"Bearer {auth['bearer']}":
            return False
        if "basic" in auth and said != f"Basic {base64.b64encode(auth['basic'].encode()).decode()}":
            return False
        if any(self.headers.get(name) != value for name, value in auth.get("header", {}).items()):
            return False
        return all(self.query.get(name) == value for name, value in auth.get("query", {}).items())

    def token(self) -> None:
        form = {name: values[-1] for name, values in parse_qs(self.sent.decode()).items()}
        wanted = self.space["auth"]["client"]
        if (
            form.get("grant_type") != "client_credentials"
            or [form.get("client_id"), form.get("client_secret")] != wanted
        ):
            return self.json({"error": "invalid_client"}, 401)
        self.space["auth"]["bearer"] = f"token-{self.space['count']}"
        return self.json({"access_token": self.space["auth"]["bearer"], "token_type": "bearer", "expires_in": 3600})

    def rows(self) -> list[dict[str, Any]]:
        rows = self.space.get("rows", [])
        since = self.query.get("since")
        return rows if since is None else [row for row in rows if str(row["updated"]) >= since]

    def at_page(self, rest: str) -> None:
        size, page = int(self.query.get("per_page", 3)), int(self.query.get("page", 1))
        self.json({"data": {"items": self.rows()[(page - 1) * size : page * size]}, "total": len(self.rows())})

    def at_offset(self, rest: str) -> None:
        at, size = int(self.query.get("offset", 0)), int(self.query.get("limit", 3))
        self.json(self.rows()[at : at + size])

    def at_cursor(self, rest: str) -> None:
        at = int(self.query.get("cursor", "c0")[1:])
        following = f"c{at + 3}" if at + 3 < len(self.rows()) else None
        self.json({"results": self.rows()[at : at + 3], "meta": {"next_cursor": following}})

    def at_next(self, rest: str) -> None:
        at = int(self.query.get("at", 0))
        url = f"http://{self.headers['Host']}{urlsplit(self.path).path}?at={at + 3}"
        self.json({"items": self.rows()[at : at + 3], "next": url if at + 3 < len(self.rows()) else None})

    def at_link(self, rest: str) -> None:
        at = int(self.query.get("at", 0))
        headers = {"Link": f'<{urlsplit(self.path).path}?at={at + 3}>; rel="next", <x>; rel="last"'}
        self.json(self.rows()[at : at + 3], headers=headers if at + 3 < len(self.rows()) else None)

    def at_same(self, rest: str) -> None:
        self.json({"data": self.rows()[:3], "next_cursor": "again"})

    def at_graphql(self, rest: str) -> None:
        asked = json.loads(self.sent)
        if "broken" in asked["query"]:
            return self.json({"errors": [{"message": 'Cannot query field "broken"', "path": ["items"]}], "data": None})
        variables = asked.get("variables") or {}
        at = int(variables.get("after") or variables.get("offset") or 0)
        rows, more = self.rows()[at : at + 3], at + 3 < len(self.rows())
        if "offset" in variables:
            return self.json({"data": {"items": rows}})
        page = {"hasNextPage": more, "endCursor": str(at + 3) if more else None}
        found = {"nodes": rows} if "nodes" in asked["query"] else {"edges": [{"node": row} for row in rows]}
        return self.json({"data": {"items": {**found, "pageInfo": page}}})

    def at_echo(self, rest: str) -> None:
        self.json({"headers": dict(self.headers), "query": self.query, "method": self.command,
                   "body": self.sent.decode()})  # fmt: skip

    def at_redirect(self, rest: str) -> None:
        self.json({}, int(self.query.get("status", 302)), {"Location": self.query["to"]})

    def at_loop(self, rest: str) -> None:
        self.json({}, 302, {"Location": self.path})

    def at_bomb(self, rest: str) -> None:
        self.answer(gzip.compress(b"0" * (64 << 20)), headers={"Content-Encoding": "gzip"})

    def at_packed(self, rest: str) -> None:
        self.answer(gzip.compress(b'{"a": 1}'), headers={"Content-Encoding": "gzip"})

    def at_chunked(self, rest: str) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (b"one ", b"two"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def at_drip(self, rest: str) -> None:
        """Send header bytes, or body bytes, one at a time, for as long as anybody listens."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if rest == "body" else b"X-Drip: "))
            for _ in range(600):
                self.wfile.write(b"a")
                time.sleep(0.05)

    def at_raw(self, rest: str) -> None:
        """Send an answer as the rule `raw` says, then close the connection."""
        self.close_connection = True
        with LOCK:
            raw = self.space["raw"].pop(0) if len(self.space["raw"]) > 1 else self.space["raw"][0]
        self.wfile.write(raw.encode("latin-1"))

    def at_files(self, name: str) -> None:
        raw = self.space["files"][name].encode("latin-1")
        etag = self.space.get("etag", '"v1"')
        start = 0
        said = self.headers.get("Range", "")
        headers = {"ETag": etag} if etag else {}
        if said and (self.headers.get("If-Range") in (None, etag)):
            start = int(said.removeprefix("bytes=").rstrip("-"))
            if start >= len(raw):
                return self.json({}, 416, {"Content-Range": f"bytes */{len(raw)}"})
            headers["Content-Range"] = f"bytes {start}-{len(raw) - 1}/{len(raw)}"
        self.send_response(206 if "Content-Range" in headers else 200)
        for key, value in {**headers, "Content-Length": str(len(raw) - start)}.items():
            self.send_header(key, value)
        self.end_headers()
        with LOCK:
            cut = self.space["cut"].pop(0) if self.space.get("cut") else None
        body = raw[start:] if cut is None else raw[start : start + cut]
        self.close_connection = cut is not None
        if self.command != "HEAD":
            self.wfile.write(body)
        return None

    def lost(self, rest: str) -> None:
        self.json({"error": "no such path"}, 404)

    def json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.answer(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def answer(self, raw: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(raw))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(OSError):
                self.wfile.write(raw)


def main(port: int, secure: int, folder: Path) -> None:
    """Serve both ports until killed."""
    ThreadingHTTPServer.daemon_threads = True
    hidden = ThreadingHTTPServer(("127.0.0.1", secure), Api)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    hidden.socket = context.wrap_socket(hidden.socket, server_side=True)
    threading.Thread(target=hidden.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", port), Api).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
