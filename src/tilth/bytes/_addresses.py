"""Say which IP addresses may not be reached: those of IANA's special-purpose registries (RFC 6890 and its updates)."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192",
         "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"),
    )
)  # fmt: skip
"""Where clouds hand credentials to their machines (AWS, Azure, Google, Alibaba, Oracle)."""
_SPECIAL = tuple(
    (ipaddress.ip_network(network), what)
    for what, networks in {
        "this network": ("0.0.0.0/8",),
        "loopback": ("127.0.0.0/8", "::1/128"),
        "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
        "shared by a carrier (CGNAT)": ("100.64.0.0/10",),
        "link-local": ("169.254.0.0/16", "fe80::/10"),
        "for documentation": ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"),
        "for benchmarks": ("198.18.0.0/15", "2001:2::/48"),
        "multicast": ("224.0.0.0/4", "ff00::/8"),
        "unspecified": ("::/128",),
        "a tunnel (6to4)": ("192.88.99.0/24", "2002::/16"),
        "a tunnel (Teredo)": ("2001::/32",),
        "of a local translator (NAT64)": ("64:ff9b:1::/48",),
        "for discarding": ("100::/64",),
        "reserved": ("192.0.0.0/24", "240.0.0.0/4", "2001::/23"),
    }.items()
    for network in networks
)
# The first bits of IPv6 addresses that hold an IPv4 address.
_MAPPED, _NAT64 = (int(IPv6Address(prefix)) >> 32 for prefix in ("::ffff:0:0", "64:ff9b::"))
_6TO4, _TEREDO = 0x2002, 0x20010000
_ISATAP = (0x00005EFE, 0x02005EFE)
"""An interface's id (RFC 5214), not a prefix."""


def refusal(address: str | Address) -> str | None:
    """Return why an address may not be reached; None where it may.

    >>> refusal("127.0.0.1"), refusal("::ffff:10.0.0.1"), refusal("93.184.215.14")
    ('loopback', 'private, as 10.0.0.1', None)
    """
    if isinstance(address, str):
        try:
            address = ipaddress.ip_address(address)
        except ValueError:
            return "no address"
    if address in METADATA:
        return "a cloud's metadata service"
    if isinstance(address, IPv6Address):
        inner = wrapped(address)
        if inner is not None:
            why = refusal(inner)
            return f"{why}, as {inner}" if why else None
    for network, what in _SPECIAL:
        if address in network:
            return what
    if isinstance(address, IPv6Address) and int(address) >> 125 != 1:
        return "not a global address"
    return None


def wrapped(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that packets to this one may end at, where that decides.

    6to4, Teredo and IPv4-compatible addresses are obsolete: those that wrap a public address are refused too, by range.
    """
    whole = int(address)
    last = IPv4Address(whole & 0xFFFFFFFF)
    if whole >> 32 in (_MAPPED, _NAT64):
        return last
    if whole >> 32 == 0 and whole > 1:
        inner = last
    elif whole >> 112 == _6TO4:
        inner = IPv4Address(whole >> 80 & 0xFFFFFFFF)
    elif whole >> 96 == _TEREDO:
        inner = IPv4Address(~whole & 0xFFFFFFFF)
    elif whole >> 32 & 0xFFFFFFFF in _ISATAP:
        inner = last
    else:
        return None
    return inner if refusal(inner) else None
