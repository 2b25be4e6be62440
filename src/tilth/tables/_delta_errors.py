"""Say plainly what delta-rs reports of a bucket or HDFS: whether trying again may help, and what it said."""

from __future__ import annotations

import re

from tilth.core.errors import ConnectorError, Terminal, Transient, first_line
from tilth.core.secret import hide

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NETWORK = re.compile(
    r"error sending request|error decoding|connection|timed? ?out|dns error|broken pipe|reset by peer|incomplete|"
    r"retries|\b(408|429|5\d\d) |RPC|safe ?mode|standby|end of file|closed",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"\b(400|401|403|404) |NoSuchBucket|AccessDenied|permission|credential|Unauthenticated|Forbidden", re.IGNORECASE
)
_STORAGE = re.compile(r"Generic \{?(S3|GCS|HDFS|Hdfs|HdfsObjectStore|hdfs|Http|HTTP)\w*\}? error")


def is_storage(error: Exception) -> bool:
    """Tell whether the store is to blame, and not what the log says."""
    said = _flat(error)
    return bool(_STORAGE.search(said) or re.search(r"error sending request|timed out", said))


def plain(doing: str, where: str, error: Exception) -> ConnectorError:
    """Return the error to raise for one of delta-rs: `Transient` for a network that fails, else `Terminal`."""
    said = _flat(error)
    what = f"the store failed while {doing}: {hide(_short(said) or first_line(error))}"
    if _REFUSED.search(said) and not re.search(r"\b(408|429|5\d\d) ", said):
        return Terminal(what, where=where, do="Check the address, the keys in the environment, and their rights")
    if _NETWORK.search(said) or _STORAGE.search(said):
        return Transient(what, where=where, do="Run again: what is committed is whole, and finished parts are kept")
    return Terminal(what, where=where, do="Mend it and run again: what is committed is whole")


def _flat(error: Exception) -> str:
    return " ".join(_COLOUR.sub("", str(error)).split())


def _short(said: str) -> str:
    """Return the innermost causes: delta-rs tells the chain from the outside in, by arrows."""
    causes = [cause.strip() for cause in said.split("↳")]
    return ": ".join(causes[-2:])[:240]
