"""Keep objects in S3, or in what speaks like it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from tilth.bytes.stores._buckets import Bucket, allowed, loaded, settings
from tilth.bytes.stores._refusals import Kind
from tilth.core.secret import learn


@dataclass(frozen=True)
class S3Store(Bucket):
    """Objects below a prefix of an S3 bucket; `create` is a conditional put (`If-None-Match: *`).

    Reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, the
    variables of web identities and containers, and `AWS_ALLOW_HTTP`.
    """

    scheme: ClassVar[str] = "s3"
    kind: ClassVar[Kind] = Kind(
        "bucket", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP"
    )

    @cached_property
    def client(self) -> Any:
        loaded(self.url)
        from obstore.store import S3Store as Client

        learn(os.environ.get("AWS_SECRET_ACCESS_KEY"), os.environ.get("AWS_SESSION_TOKEN"))
        return self.call(
            "opening",
            lambda _: Client(
                self.bucket, prefix=self.prefix or None, **settings(self.patience, allowed("AWS_ALLOW_HTTP"))
            ),
        )
