"""Keep objects in Google Cloud Storage."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from tilth.bytes.stores._buckets import Bucket, allowed, loaded, settings
from tilth.bytes.stores._refusals import Kind
from tilth.core.secret import learn


@dataclass(frozen=True)
class GCSStore(Bucket):
    """Objects below a prefix of a Google bucket; `create` puts on condition that there is no generation yet.

    Reads `GOOGLE_APPLICATION_CREDENTIALS`, `GOOGLE_SERVICE_ACCOUNT` (a file), `GOOGLE_SERVICE_ACCOUNT_KEY` (its text),
    what `gcloud auth application-default login` left, and the machine's own account. `GOOGLE_ALLOW_HTTP` is for tests.
    """

    scheme: ClassVar[str] = "gs"
    kind: ClassVar[Kind] = Kind("bucket", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_BASE_URL", "GOOGLE_ALLOW_HTTP")

    @cached_property
    def client(self) -> Any:
        loaded(self.url)
        from obstore.store import GCSStore as Client

        learn(os.environ.get("GOOGLE_SERVICE_ACCOUNT_KEY"), os.environ.get("GOOGLE_BEARER_TOKEN"))
        return self.call(
            "opening",
            lambda _: Client(
                self.bucket, prefix=self.prefix or None, **settings(self.patience, allowed("GOOGLE_ALLOW_HTTP"))
            ),
        )
