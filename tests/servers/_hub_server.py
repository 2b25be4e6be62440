"""The program behind `hub.py`: data sets in memory, large files (over 1,000 bytes) behind a redirect."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

SETS: dict[str, dict[str, Any]] = {}
LARGE, PAGE = 1000, 5


def git_name(raw: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw).hexdigest()


class HubServer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else each answer waits 40 ms for the client's acknowledgement of its headers.
    disable_nagle_algorithm = True

    def log_message(self, *said: object) -> None:
        pass

    def do_POST(self) -> None:
        name = self.path.removeprefix("/_publish/")
        value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        held = SETS.setdefault(name, {"commits": {}, "log": []})
        files = {path: text.encode("latin-1") for path, text in value.pop("files").items()}
        sha = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        held["commits"][sha] = files
        held.update({"main": sha, **value})
        self.answer({"sha": sha})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        if path.startswith("/_log/"):
            return self.answer(SETS[path.removeprefix("/_log/")]["log"])
        if path.startswith("/cdn/"):
            name, sha, file = re.fullmatch(r"/cdn/([^/]+/[^/]+)/(\w+)/(.+)", path).groups()
            SETS[name]["log"].append(
                f"cdn {file} {self.headers.get('Range', '')}{self.headers.get('Authorization', '')}"
            )
            return self.send(SETS[name], SETS[name]["commits"][sha][file], file)
        if re.fullmatch(r"/api/datasets/[^/]+/[^/]+", path):
            path += "/revision/main"
        found = re.fullmatch(r"/(?:api/)?datasets/([^/]+/[^/]+)/(revision|tree|resolve)/([^/]+)(?:/(.*))?", path)
        if not found or found[1] not in SETS:
            return self.answer({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        held = SETS[found[1]]
        held["log"].append(f"{self.command} {found[2]} {found[4] or ''}".strip())
        if held.get("token") and self.headers.get("Authorization") != f"Bearer {held['token']}":
            return self.answer({"error": "gated"}, 401)
        sha = held["main"] if found[3] in ("main", "HEAD") else found[3]
        if sha not in held["commits"]:
            return self.answer({"error": "no revision"}, 404, {"X-Error-Code": "RevisionNotFound"})
        if found[2] == "revision":
            siblings = [{"rfilename": path} for path in held["commits"][sha]]
            return self.answer({"id": found[1], "sha": sha, "private": False, "tags": [], "downloads": 0, "likes": 0,
                                "siblings": siblings})  # fmt: skip
        return getattr(self, found[2])(found[1], held, sha, found[4] or "", parse_qs(parts.query))

    do_HEAD = do_GET

    def tree(self, name: str, held: dict[str, Any], sha: str, file: str, query: dict[str, list[str]]) -> None:
        steps = [path.split("/")[:-1] for path in held["commits"][sha]]
        folders = sorted({"/".join(each[: at + 1]) for each in steps for at in range(len(each))})
        entries = [{"type": "directory", "path": path, "oid": git_name(path.encode()), "size": 0} for path in folders]
        for path, raw in held["commits"][sha].items():
            entry = {"type": "file", "path": path, "oid": git_name(raw), "size": len(raw)}
            if len(raw) > LARGE:
                entry["lfs"] = {"oid": hashlib.sha256(raw).hexdigest(), "size": len(raw), "pointerSize": 130}
            entries.append(entry)
        at = int(query.get("cursor", ["0"])[0])
        more = at + PAGE < len(entries)
        url = f"http://{self.headers['Host']}{urlsplit(self.path).path}?recursive=true&expand=false&cursor={at + PAGE}"
        self.answer(entries[at : at + PAGE], headers={"Link": f'<{url}>; rel="next"'} if more else None)

    def resolve(self, name: str, held: dict[str, Any], sha: str, file: str, query: dict[str, list[str]]) -> None:
        raw = held["commits"][sha].get(file)
        if raw is None:
            return self.answer({"error": "no entry"}, 404, {"X-Error-Code": "EntryNotFound"})
        if len(raw) <= LARGE:
            return self.send(held, raw, file, {"X-Repo-Commit": sha, "ETag": f'"{git_name(raw)}"'})
        port = self.server.server_address[1]
        headers = {
            "Location": f"http://localhost:{port}/cdn/{name}/{sha}/{file}", "X-Repo-Commit": sha,
            "X-Linked-Size": str(len(raw)), "X-Linked-ETag": f'"{hashlib.sha256(raw).hexdigest()}"',
            "ETag": f'"{hashlib.sha256(raw).hexdigest()}"',
        }  # fmt: skip
        return self.answer({}, 302, headers)

    def send(self, held: dict[str, Any], raw: bytes, file: str, headers: dict[str, str] | None = None) -> None:
        if held.get("corrupt") == file:
            raw = raw[:-1] + b"X"
        start = int(re.sub(r"\D", "", self.headers.get("Range", "0")) or 0)
        self.send_response(206 if "Range" in self.headers else 200)
        said = {"ETag": f'"{hashlib.sha256(raw).hexdigest()}"', **(headers or {})}
        said["Content-Length"] = str(len(raw) - start)
        if "Range" in self.headers:
            said["Content-Range"] = f"bytes {start}-{len(raw) - 1}/{len(raw)}"
        for key, value in said.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = held.pop("cut", None)
        self.close_connection = cut is not None
        self.wfile.write(raw[start:] if cut is None else raw[start : start + cut])

    def answer(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(value).encode()
        self.send_response(status)
        said = {"Content-Type": "application/json", **(headers or {}), "Content-Length": str(len(raw))}
        for key, text in said.items():
            self.send_header(key, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)


if __name__ == "__main__":
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), HubServer).serve_forever()
