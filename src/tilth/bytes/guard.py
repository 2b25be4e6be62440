"""Refuse addresses that a recipe's or a server's URL must not reach (SSRF): loopback, private, metadata and the like.

A host is looked up once, every answer is judged, and the caller connects to the address that was judged: an answer
that changes afterwards (DNS rebinding) changes nothing. Each hop of a redirect passes here anew. The ports that are
refused are those of WHATWG's Fetch.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple
from urllib.parse import urlsplit

from tilth.bytes._addresses import METADATA, refusal, wrapped
from tilth.core.errors import Terminal, Transient
from tilth.core.secret import shown_url

__all__ = ["Guard", "NoSuchHost", "Refused", "Target", "host_of", "look_up", "parsed", "refusal"]
LONGEST_URL = 8192
"""Characters; a longer one is refused unread."""

_BAD_PORTS = frozenset(
    (0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
     110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
     532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
     5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080)
)  # fmt: skip
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_ODD = re.compile(r"[\x00-\x20\x7f\\]")


class Refused(Terminal):
    """A URL or an address that is not to be reached."""


class NoSuchHost(Terminal):
    """A name that has no address."""


class Target(NamedTuple):
    """A URL's parts, checked; the host in lower case and ASCII, an IPv6 address without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query; `/` where the URL has none."""


def parsed(url: str) -> Target:
    """Take a URL apart; raises `Refused` where anything about it is odd.

    >>> parsed("https://Example.org:8443/a?b=1")
    Target(scheme='https', host='example.org', port=8443, path='/a?b=1')
    """
    if len(url) > LONGEST_URL:
        raise Refused(f"a URL of {len(url):,} characters", wanted=f"{LONGEST_URL:,} at most")
    if _ODD.search(url):
        raise _refused(url, "spaces, control characters and backslashes are not part of a URL")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(url, f"not a URL ({error})") from error
    if parts.scheme not in ("http", "https"):
        raise _refused(url, f'the scheme "{parts.scheme[:20]}"', "http or https")
    if "@" in parts.netloc:
        raise _refused(url, "a user or password in the URL", "none; pass credentials as options")
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    if port in _BAD_PORTS:
        raise _refused(url, f"port {port}, which belongs to another protocol", "a web server's port")
    host = host_of(parts.hostname or "", bracketed="[" in parts.netloc)
    path = parts.path or "/"
    return Target(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path)


@lru_cache(maxsize=4096)
def host_of(host: str, *, bracketed: bool = False) -> str:
    """Return a host as it is looked up: ASCII, lower case, no dot at the end. Raises `Refused` where it is odd.

    Addresses are taken in their one usual notation only; what else `inet_aton` reads (127.1, 0x7f000001, 2130706433,
    0177.0.0.1, full-width digits) is refused, whatever it stands for.
    """
    if bracketed:
        try:
            return str(IPv6Address(host)) if "%" not in host else _fail(host, "an address with a zone")
        except ValueError as error:
            raise Refused(f'the host "[{host[:60]}]" is no IPv6 address') from error
    name = host if host.isascii() else _ascii(host)
    name = name.lower()
    name = name[:-1] if name.endswith(".") else name
    labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.match, labels)):
        return _fail(host, "not a host's name")
    if _NUMBER.match(labels[-1]):
        try:
            if host.isascii():
                return str(IPv4Address(name))
        except ValueError:
            pass
        return _fail(host, "an address in an unusual notation", "four decimal numbers, as in 192.0.2.1")
    return name


def _ascii(host: str) -> str:
    try:
        import idna
    except ImportError:
        return _fail(host, "a name that is not ASCII", "its ASCII form (xn--…)")
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise Refused(f'the host "{host[:60]}" is no name: {error}') from error


def _fail(host: str, why: str, wanted: str | None = None) -> str:
    raise Refused(f'the host "{host[:60]}" is {why}', wanted=wanted)


def _refused(url: str, why: str, wanted: str | None = None) -> Refused:
    try:
        shown = shown_url(url)
    except ValueError:
        shown = "a URL"
    return Refused(why, where=_ODD.sub("?", shown)[:200], wanted=wanted)


def look_up(host: str, port: int) -> list[str]:
    """Return all addresses of a name, as the system gives them. Raises `NoSuchHost`, or `Transient` for now."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise Transient(f"the name cannot be looked up now ({error.strerror})", where=host) from error
        raise NoSuchHost(f"no such host ({error.strerror})", where=host, do="Check the name.") from error
    except (OSError, UnicodeError) as error:
        raise Transient(f"the name cannot be looked up ({error})", where=host) from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Decide which addresses may be connected to.

    >>> Guard().addresses("93.184.215.14", 443)
    ['93.184.215.14']
    >>> Guard(allow_private=("10.1.0.0/16", "wiki.corp.example")).judged("wiki", ["10.1.2.3"])
    ['10.1.2.3']
    """

    allow_private: bool | tuple[str, ...] = ()
    """Intranets and tests: networks (10.1.0.0/16), addresses, host names (.corp.example: all below it) that may be
    private; True for all. A metadata service is reached only where its own address is named."""
    resolve: Callable[[str, int], Sequence[str]] = look_up
    """Looks a name up: host and port to all of its addresses."""
    _networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = field(default=(), init=False, repr=False)
    _hosts: tuple[str, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        networks, hosts = [], []
        for each in () if isinstance(self.allow_private, bool) else self.allow_private:
            try:
                networks.append(ipaddress.ip_network(each))
            except ValueError:
                name = host_of(each.lstrip("."))
                hosts.append(f".{name}" if each.startswith(".") else name)
        object.__setattr__(self, "_networks", tuple(networks))
        object.__setattr__(self, "_hosts", tuple(hosts))

    def addresses(self, host: str, port: int) -> list[str]:
        """Look a host up, once, and return where to connect to.

        Raises `Refused` where any of its addresses may not be reached, `NoSuchHost`, or `Transient` from the look-up.
        """
        name = host_of(host, bracketed=":" in host)
        if ":" in name or _NUMBER.match(name.rpartition(".")[2]):
            return self.judged(name, [name])
        return self.judged(name, self.resolve(name, port))

    def judged(self, host: str, answers: Iterable[str]) -> list[str]:
        """Return a look-up's answers when every one of them may be reached; raises `Refused` or `NoSuchHost`."""
        found = [answer.partition("%")[0] for answer in answers]
        if not found:
            raise NoSuchHost("the name has no address", where=host, do="Check the name.")
        for answer in found:
            why = refusal(answer)
            if why and not self._allowed(host, answer):
                raise Refused(
                    f"its address {answer} is {why}",
                    where=host,
                    wanted="a public address",
                    do="If it is yours to reach, name it in allow_private.",
                )
        return found

    def _allowed(self, host: str, answer: str) -> bool:
        try:
            address = ipaddress.ip_address(answer)
        except ValueError:
            return False
        inner = wrapped(address) if isinstance(address, IPv6Address) else None
        if METADATA & {address, inner}:
            # Only by its own name: a wide network that happens to hold it was not meant for it.
            return any(network.num_addresses == 1 and address in network for network in self._networks)
        if self.allow_private is True or any(address in network for network in self._networks):
            return True
        return any(host == name or (name[0] == "." and f".{host}".endswith(name)) for name in self._hosts)
