"""Turn what HDFS and its client raise into `FileNotFoundError`, `Transient` or `Terminal`, with what to do."""

from __future__ import annotations

import errno
import re

from tilth.core.errors import DataError, Terminal, Transient

_REMOTE = re.compile(r"RPCError\(\"([\w.$]+)\", \"((?:[^\"\\]|\\.)*)")
_TRY_AGAIN = ("StandbyException", "SafeModeException", "RetriableException", "NotReplicatedYetException", "Retry")
_NO_FOLDER = (
    "ParentNotDirectoryException",
    "is not a directory",
    "must both be directories",
    "already exists as a dir",
)


def refusal(error: Exception, url: str, doing: str, path: str) -> Exception:
    """Return the error to raise for one that the client raised while `doing` (a verb and its object)."""
    text = str(error)
    remote = _REMOTE.search(text)
    name, said = (remote[1].rpartition(".")[2], remote[2]) if remote else ("", text)
    # Java's stack trace follows the first line.
    said = re.split(r"\\n|\n", said, maxsplit=1)[0][:300]
    doing = f"while {doing} ({said})" if said else f"while {doing}"
    if any(word in text for word in _NO_FOLDER):
        return Terminal(
            f"a file stands where a folder is needed, or the other way round, {doing}", where=url,
            do="Use another name, or move what is there",
        )  # fmt: skip
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, "no such object", f"{url}/{path}")
    if isinstance(error, FileExistsError):
        return FileExistsError(errno.EEXIST, "there is an object of that name", f"{url}/{path}")
    if "InvalidPath" in name or "FSLimit" in name:
        return DataError(f"{path!r} cannot be a file's name in HDFS ({said})", where=url)
    if name in ("AccessControlException", "AuthorizationException") or isinstance(error, PermissionError):
        return Terminal(
            f"no right {doing}", where=url, do="Give this user the right, or set HADOOP_USER_NAME (Kerberos: run kinit)"
        )
    if "QuotaExceeded" in name:
        return Terminal(f"the quota is used up {doing}", where=url, do="Free some space, or raise the quota")
    if any(word in name for word in _TRY_AGAIN) or "could only be replicated to" in said:
        return Transient(f"HDFS is not ready {doing}", where=url, do="Try again later")
    if remote:
        return Terminal(f"HDFS refused {doing}", where=url, do="See what it said")
    if "resolve" in text or "lookup address" in text or "Name or service not known" in text:
        return Transient(f"the NameNode's name is not known {doing}", where=url, do="Check the URL and the network")
    if "Connection refused" in text:
        return Transient(f"nothing answers {doing}", where=url, do="Check the URL, the NameNode and the DataNodes")
    return Transient(f"the connection broke {doing}", where=url, do="Try again")
