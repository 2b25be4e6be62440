"""Imitate Google Cloud Storage as far as obstore, delta-rs and Google's own client use it: `_gcs_server.py PORT`.

This is a test server of this project, not Google's. It holds objects in memory and speaks the XML API (GET, HEAD, PUT,
DELETE, list type 2, multipart uploads, copies by header) and the JSON API (buckets; objects: media, multipart and
resumable uploads, metadata, media with ranges, lists by prefix, delimiter and page, delete, rewrite). Every write makes
a new generation, and preconditions (generation, metageneration, ETag) are checked and acted on under one lock. A bucket
whose name begins with `denied` answers 403. No signatures are checked.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
import email.utils
import hashlib
import itertools
import json
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import google_crc32c

PAGE = 1000


class Refused(Exception):
    """An answer that is not 2xx."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Stored:
    """One generation of an object."""

    body: bytes
    generation: int
    kind: str = "application/octet-stream"
    metadata: dict[str, str] = field(default_factory=dict)
    updated: float = field(default_factory=time.time)

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}-{self.generation:x}"'

    @property
    def md5(self) -> str:
        return base64.b64encode(hashlib.md5(self.body, usedforsecurity=False).digest()).decode()

    @property
    def crc32c(self) -> str:
        return base64.b64encode(google_crc32c.value(self.body).to_bytes(4, "big")).decode()


@dataclass(frozen=True)
class If:
    """What must be so for a request to be done."""

    generation: int | None = None
    not_generation: int | None = None
    match: str | None = None
    none_match: str | None = None

    def check(self, found: Stored | None, *, reading: bool = False) -> None:
        now = found.generation if found else 0
        if self.generation is not None and now != self.generation:
            raise Refused(412, "PreconditionFailed", f"the generation is {now}, not {self.generation}")
        if self.not_generation is not None and now == self.not_generation:
            raise Refused(304 if reading else 412, "NotModified", f"the generation is {now}")
        if self.match and not (found and self.match in ("*", found.etag)):
            raise Refused(412, "PreconditionFailed", "the ETag is another")
        if self.none_match and found and self.none_match in ("*", found.etag):
            raise Refused(304 if reading else 412, "PreconditionFailed", "the ETag is that one")


class Buckets:
    """All that the server holds; each method is one act."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.buckets: dict[str, dict[str, Stored]] = {}
        self.uploads: dict[str, Any] = {}
        self._generations = itertools.count(int(time.time() * 1e6))
        self._ids = itertools.count(1)

    def bucket(self, name: str) -> dict[str, Stored]:
        if name.startswith("denied"):
            raise Refused(403, "AccessDenied", "this account has no access to the bucket")
        if name not in self.buckets:
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist.")
        return self.buckets[name]

    def get(self, bucket: str, name: str, wanted: If) -> Stored:
        with self.lock:
            found = self.bucket(bucket).get(name)
            if found is None:
                raise Refused(404, "NoSuchKey", "The specified key does not exist.")
            wanted.check(found, reading=True)
            return found

    def put(self, bucket: str, name: str, body: bytes, wanted: If, **how: Any) -> Stored:
        with self.lock:
            objects = self.bucket(bucket)
            wanted.check(objects.get(name))
            objects[name] = Stored(body, next(self._generations), **how)
            return objects[name]

    def delete(self, bucket: str, name: str, wanted: If) -> None:
        with self.lock:
            found = self.get(bucket, name, If())
            wanted.check(found)
            del self.bucket(bucket)[name]

    def copy(self, source: tuple[str, str], to: tuple[str, str], wanted: If) -> Stored:
        with self.lock:
            found = self.get(*source, If())
            return self.put(*to, found.body, wanted, kind=found.kind, metadata=found.metadata)

    def list(
        self, bucket: str, prefix: str, delimiter: str, after: str, start: str, end: str, most: int
    ) -> tuple[list[tuple[str, Stored]], list[str], str | None]:
        """Return a page: objects, common prefixes, and the name after which the next page begins."""
        with self.lock:
            names = sorted(self.bucket(bucket), key=str.encode)
            found: list[tuple[str, Stored]] = []
            prefixes: list[str] = []
            last: str | None = None
            for name in names:
                key = name.encode()
                if not name.startswith(prefix) or key <= after.encode() or key < start.encode():
                    continue
                if end and key >= end.encode():
                    break
                head, cut, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
                common = prefix + head + cut if cut else None
                if common and (common in prefixes or after.startswith(common)):
                    continue
                if len(found) + len(prefixes) == most:
                    return found, prefixes, last
                if common:
                    prefixes.append(common)
                else:
                    found.append((name, self.bucket(bucket)[name]))
                last = common + "\U0010ffff" if common else name
            return found, prefixes, None

    def begin(self, what: Any) -> str:
        with self.lock:
            upload = f"upload-{next(self._ids)}"
            self.uploads[upload] = what
            return upload

    def upload(self, upload: str) -> Any:
        with self.lock:
            if upload not in self.uploads:
                raise Refused(404, "NoSuchUpload", "The upload does not exist.")
            return self.uploads[upload]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    buckets = Buckets()

    def answer(self) -> None:
        parts = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.place = parts.path
        self.is_json = parts.path.startswith(("/storage/v1", "/upload/", "/download/", "/resumable/"))
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body = self._chunks()
        try:
            (self._json if self.is_json else self._xml)()
        except Refused as error:
            if self.is_json:
                said = json.dumps({"error": {"code": error.status, "message": str(error), "errors": []}})
            else:
                said = f"<?xml version='1.0'?><Error><Code>{error.code}</Code><Message>{error}</Message></Error>"
            self._say(error.status, b"" if error.status == 304 else said.encode())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = answer

    # The XML API: /bucket/name

    def _xml(self) -> None:
        bucket, _, name = self.place.lstrip("/").partition("/")
        bucket, name, query = unquote(bucket), unquote(name), self.query
        match self.command:
            case "GET" if not name:
                self._xml_list(bucket)
            case "GET" | "HEAD":
                self._media(self.buckets.get(bucket, name, self._if()))
            case "PUT" if "uploadId" in query:
                parts = self.buckets.upload(query["uploadId"])["parts"]
                parts[int(query["partNumber"])] = self.body
                self._say(200, ETag=f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"')
            case "PUT" if self.headers.get("x-goog-copy-source"):
                source = unquote(self.headers["x-goog-copy-source"]).lstrip("/").partition("/")
                made = self.buckets.copy((source[0], source[2]), (bucket, name), self._if())
                self._say(200, b"<CopyObjectResult></CopyObjectResult>", **self._about(made))
            case "PUT" if not name:
                self.buckets.buckets.setdefault(bucket, {})
                self._say(200)
            case "PUT":
                made = self.buckets.put(bucket, name, self.body, self._if(), **self._how())
                self._say(200, **self._about(made))
            case "POST" if "uploads" in query:
                self.buckets.bucket(bucket)
                upload = self.buckets.begin({"parts": {}, "how": self._how()})
                self._say(200, f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId>"
                          "</InitiateMultipartUploadResult>".encode())  # fmt: skip
            case "POST" if "uploadId" in query:
                self._complete(bucket, name, query["uploadId"])
            case "DELETE" if "uploadId" in query:
                self.buckets.upload(query["uploadId"])
                del self.buckets.uploads[query["uploadId"]]
                self._say(204)
            case "DELETE":
                self.buckets.delete(bucket, name, self._if())
                self._say(204)
            case _:
                raise Refused(400, "InvalidRequest", f"{self.command} {self.path}")

    def _complete(self, bucket: str, name: str, upload: str) -> None:
        with self.buckets.lock:
            begun = self.buckets.upload(upload)
            told = [int(one.text or 0) for one in ElementTree.fromstring(self.body).iter() if "PartNumber" in one.tag]
            if not told or any(number not in begun["parts"] for number in told):
                raise Refused(400, "InvalidPart", "a part is missing")
            body = b"".join(begun["parts"][number] for number in told)
            made = self.buckets.put(bucket, name, body, self._if(), **begun["how"])
            del self.buckets.uploads[upload]
        said = f"<CompleteMultipartUploadResult><ETag>{escape(made.etag)}</ETag></CompleteMultipartUploadResult>"
        self._say(200, said.encode(), **self._about(made))

    def _xml_list(self, bucket: str) -> None:
        query = self.query
        after = query.get("continuation-token") or query.get("start-after") or ""
        found, prefixes, more = self.buckets.list(
            bucket, query.get("prefix", ""), query.get("delimiter", ""), after, "", "",
            int(query.get("max-keys") or PAGE),
        )  # fmt: skip
        rows = [
            f"<Contents><Key>{escape(name)}</Key><Size>{len(one.body)}</Size><Generation>{one.generation}</Generation>"
            f"<LastModified>{_iso(one.updated)}</LastModified><ETag>{escape(one.etag)}</ETag></Contents>"
            for name, one in found
        ]
        rows += [f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in prefixes]
        rows += [f"<NextContinuationToken>{escape(more)}</NextContinuationToken>"] if more else []
        rows.append(f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>")
        self._say(200, f"<?xml version='1.0'?><ListBucketResult>{''.join(rows)}</ListBucketResult>".encode())

    def _how(self) -> dict[str, Any]:
        named = {name.lower(): value for name, value in self.headers.items()}
        metadata = {name[12:]: value for name, value in named.items() if name.startswith("x-goog-meta-")}
        return {"kind": named.get("content-type", "application/octet-stream"), "metadata": metadata}

    # The JSON API: /storage/v1/b/bucket/o/name

    def _json(self) -> None:
        if self.place.startswith("/resumable/"):
            self._resume(self.place.rpartition("/")[2])
            return
        path = self.place.removeprefix("/upload").removeprefix("/download").removeprefix("/storage/v1")
        steps = [unquote(step) for step in path.strip("/").split("/")]
        match self.command, steps:
            case "POST", ["b"]:
                name = json.loads(self.body)["name"]
                if name in self.buckets.buckets:
                    raise Refused(409, "Conflict", "there is a bucket of that name")
                self.buckets.buckets[name] = {}
                self._tell({"kind": "storage#bucket", "id": name, "name": name})
            case "GET", ["b", bucket]:
                self.buckets.bucket(bucket)
                self._tell({"kind": "storage#bucket", "id": bucket, "name": bucket})
            case "POST", ["b", bucket, "o"]:
                self._upload(bucket)
            case "GET", ["b", bucket, "o"]:
                self._json_list(bucket)
            case "GET", ["b", bucket, "o", name]:
                found = self.buckets.get(bucket, name, self._if())
                if self.query.get("alt") == "media":
                    self._media(found)
                else:
                    self._tell(_described(bucket, name, found))
            case "DELETE", ["b", bucket, "o", name]:
                self.buckets.delete(bucket, name, self._if())
                self._say(204)
            case "POST", ["b", bucket, "o", name, "rewriteTo" | "copyTo" as how, "b", other, "o", to]:
                made = _described(other, to, self.buckets.copy((bucket, name), (other, to), self._if()))
                size = made["size"]
                whole = {"done": True, "objectSize": size, "totalBytesRewritten": size, "resource": made}
                self._tell(whole if how == "rewriteTo" else made)
            case _:
                raise Refused(400, "InvalidRequest", f"{self.command} {self.path}")

    def _upload(self, bucket: str) -> None:
        self.buckets.bucket(bucket)
        match self.query.get("uploadType"):
            case "media":
                self._store(bucket, self.query["name"], self.body, {"contentType": self.headers.get("Content-Type")})
            case "multipart":
                head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
                told, media = (
                    email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body).iter_parts()
                )
                about = json.loads(told.get_payload(decode=True))
                # The parser may touch line ends of the media: take the bytes between the boundaries.
                self._store(bucket, about.get("name") or self.query["name"], self._second(), about, media)
            case "resumable":
                about = json.loads(self.body or b"{}")
                begun = {"bucket": bucket, "name": about.get("name") or self.query["name"], "about": about}
                upload = self.buckets.begin({**begun, "body": b"", "if": self._if()})
                self._say(200, Location=f"http://{self.headers['Host']}/resumable/{upload}")
            case kind:
                raise Refused(400, "InvalidRequest", f"uploadType {kind}")

    def _second(self) -> bytes:
        boundary = re.search(r"boundary=[\"']?([^\"';]+)", self.headers["Content-Type"])
        assert boundary
        part = self.body.split(b"--" + boundary[1].encode())[2]
        return part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")

    def _store(self, bucket: str, name: str, body: bytes, about: dict[str, Any], media: Any = None) -> None:
        kind = about.get("contentType") or (media and media.get_content_type()) or "application/octet-stream"
        made = self.buckets.put(bucket, name, body, self._if(), kind=kind, metadata=about.get("metadata") or {})
        self._tell(_described(bucket, name, made))

    def _resume(self, upload: str) -> None:
        with self.buckets.lock:
            begun = self.buckets.upload(upload)
            told = re.match(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", self.headers.get("Content-Range") or "bytes 0-0/*")
            assert told
            if told[1] is not None:
                begun["body"] = begun["body"][: int(told[1])] + self.body
            whole = told[2] != "*" and len(begun["body"]) == int(told[2])
            if not whole and self.headers.get("Content-Range"):
                done = {"Range": f"bytes=0-{len(begun['body']) - 1}"} if begun["body"] else {}
                self._say(308, **done)
                return
            about = begun["about"]
            made = self.buckets.put(
                begun["bucket"], begun["name"], begun["body"], begun["if"],
                kind=about.get("contentType") or "application/octet-stream", metadata=about.get("metadata") or {},
            )  # fmt: skip
            del self.buckets.uploads[upload]
        self._tell(_described(begun["bucket"], begun["name"], made))

    def _json_list(self, bucket: str) -> None:
        query = self.query
        found, prefixes, more = self.buckets.list(
            bucket, query.get("prefix", ""), query.get("delimiter", ""), _token(query.get("pageToken")),
            query.get("startOffset", ""), query.get("endOffset", ""), int(query.get("maxResults") or PAGE),
        )  # fmt: skip
        page: dict[str, Any] = {"kind": "storage#objects", "items": [_described(bucket, *one) for one in found]}
        if prefixes:
            page["prefixes"] = prefixes
        if more:
            page["nextPageToken"] = base64.urlsafe_b64encode(more.encode()).decode()
        self._tell(page)

    # Both

    def _if(self) -> If:
        asked = self.query.get("ifGenerationMatch") or self.headers.get("x-goog-if-generation-match")
        other = self.query.get("ifGenerationNotMatch")
        return If(
            int(asked) if asked else None, int(other) if other else None,
            self.headers.get("If-Match"), self.headers.get("If-None-Match"),
        )  # fmt: skip

    def _media(self, found: Stored) -> None:
        size, status, body = len(found.body), 200, found.body
        headers = {**self._about(found), "Content-Type": found.kind, "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if asked and (asked[1] or asked[2]):
            first = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
            last = min(int(asked[2]), size - 1) if asked[1] and asked[2] else size - 1
            if first >= size or last < first:
                raise Refused(416, "InvalidRange", "The requested range cannot be satisfied.")
            status, body = 206, body[first : last + 1]
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        else:
            headers["X-Goog-Hash"] = f"crc32c={found.crc32c},md5={found.md5}"
        self._say(status, body, **headers)

    def _about(self, one: Stored) -> dict[str, str]:
        return {
            "ETag": one.etag,
            "Last-Modified": email.utils.formatdate(one.updated, usegmt=True),
            "x-goog-generation": str(one.generation),
            "x-goog-metageneration": "1",
            **{f"x-goog-meta-{name}": value for name, value in one.metadata.items()},
        }

    def _tell(self, what: dict[str, Any]) -> None:
        self._say(200, json.dumps(what).encode(), **{"Content-Type": "application/json; charset=UTF-8"})

    def _say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: Any) -> None:
        """Say nothing of requests."""


def _described(bucket: str, name: str, one: Stored) -> dict[str, Any]:
    return {
        "kind": "storage#object", "id": f"{bucket}/{name}/{one.generation}", "name": name, "bucket": bucket,
        "generation": str(one.generation), "metageneration": "1", "contentType": one.kind, "size": str(len(one.body)),
        "md5Hash": one.md5, "crc32c": one.crc32c, "etag": one.etag, "timeCreated": _iso(one.updated),
        "updated": _iso(one.updated), "storageClass": "STANDARD", "metadata": one.metadata,
        "mediaLink": f"/download/storage/v1/b/{quote(bucket)}/o/{quote(name, safe='')}?alt=media",
    }  # fmt: skip


def _token(text: str | None) -> str:
    return base64.urlsafe_b64decode(text).decode() if text else ""


def _iso(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when)) + f".{int(when % 1 * 1000):03d}Z"


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.daemon_threads = True
    server.serve_forever()
