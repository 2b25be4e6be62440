"""Open the store that a path or URL names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from tilth.bytes.store import PATIENCE, Patience, Store
from tilth.bytes.stores import gcs, hdfs, local, s3
from tilth.bytes.stores._paths import checked_prefix
from tilth.core.errors import DataError
from tilth.core.secret import shown_url

_WANTED = "a folder, file:///folder, s3://bucket/prefix, gs://bucket/prefix or hdfs://host:port/path"


def open_store(url: str, *, patience: Patience = PATIENCE) -> Store:
    """Return the store that a path or URL names; nothing is opened yet.

    `folder` and `file:///folder`; `s3://bucket/prefix`, `gs://bucket/prefix`, `hdfs://host:port/path`. Keys, endpoint
    and region come from the environment, by the variables that the systems' own clients read (`AWS_*`, `GOOGLE_*`,
    `HADOOP_CONF_DIR`). Raises `DataError` for a URL of another kind, or one that holds a password or a query.

    >>> open_store("file:///data/a%20b").url
    '/data/a b'
    >>> open_store("s3://bucket/tickets/").url
    's3://bucket/tickets'
    """
    if "://" not in url and not url.startswith("file:"):
        return local.LocalStore(str(Path(url).absolute()))
    parts = urlsplit(url)
    _plain(url, parts)
    prefix = "" if parts.scheme == "file" else checked_prefix(parts.path.removeprefix("/").removesuffix("/"))
    match parts.scheme:
        case "file" if not parts.netloc:
            return local.LocalStore(str(Path(unquote(parts.path)).absolute()))
        case "s3" | "s3a" if parts.netloc:
            return s3.S3Store(parts.netloc, prefix, patience)
        case "gs" if parts.netloc:
            return gcs.GCSStore(parts.netloc, prefix, patience)
        case "hdfs" if parts.netloc:
            return hdfs.HDFSStore(parts.netloc, prefix, patience)
    raise DataError(f"{shown_url(url)} names no store", wanted=_WANTED)


def _plain(url: str, parts: SplitResult) -> None:
    """Refuse what a store's URL must not hold: a user or password, a query, a fragment."""
    shown = shown_url(url)
    if "@" in parts.netloc:
        raise DataError(
            f"{shown}: a store's URL holds no user and no password",
            do="Take out what is before the @, and set the client's environment variables (AWS_*, GOOGLE_*)",
        )
    if parts.query or parts.fragment:
        raise DataError(f'{shown}: a store\'s URL holds no "?" and no "#"', wanted=_WANTED)
