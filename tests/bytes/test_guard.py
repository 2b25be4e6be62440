"""No notation, wrapping, answer or hop leads to an address that must not be reached."""

import ipaddress
import pickle
import random

import pytest

from tilth.bytes.guard import Guard, NoSuchHost, Refused, host_of, look_up, parsed, refusal
from tilth.core.errors import Terminal, Transient

PUBLIC = ("93.184.215.14", "8.8.8.8", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "192.0.1.0",
          "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
          "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808")  # fmt: skip
REFUSED = {
    "this network": ("0.0.0.0", "0.1.2.3"),
    "loopback": ("127.0.0.1", "127.255.255.254", "::1"),
    "private": ("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
                "fc00::1", "fd12::1", "fec0::1"),
    "CGNAT": ("100.64.0.1", "100.127.255.255"),
    "link-local": ("169.254.0.1", "fe80::1"),
    "metadata": ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "fd20:ce::254",
                 "169.254.170.2"),
    "documentation": ("192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "3fff::1"),
    "benchmarks": ("198.18.0.1", "198.19.255.255"),
    "multicast": ("224.0.0.1", "239.1.1.1", "ff02::1"),
    "reserved": ("192.0.0.1", "240.0.0.1", "255.255.255.255", "2001:20::1"),
    "unspecified": ("::",),
    "as 127.0.0.1": ("::ffff:127.0.0.1", "::127.0.0.1", "2002:7f00:1::1", "64:ff9b::7f00:1",
                     "2001:0:808:808::80ff:fffe",
                     "2001:470:1f0b::5efe:7f00:1", "::ffff:7f00:1"),
    "as 169.254.169.254": ("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"),
    "tunnel": ("2002:808:808::1", "2001::f7f7:f7f7", "192.88.99.1"),
    "translator": ("64:ff9b:1::808:808",),
    "not a global address": ("::2:3:4:5", "4000::1", "5f00::1", "::ffff:0:8.8.8.8"),
    "no address": ("", "127.1", "localhost", "fe80::1%"),
}  # fmt: skip
ODD_HOSTS = ("127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.0x1", "0177.0.0.1", "017700000001",
             "127.0.0.01", "0127.0.0.1", "127.0.0.1.2", "256.1.1.1", "0", "0x", "1.2.3.0x", "4294967296", "evil.0x7f",
             "１２７.０.０.１", "127。0。0。1", "①②⑦.⓪.⓪.①", "0x7F.0x0.0x0.0x1")  # fmt: skip
ODD_URLS = ("file:///etc/passwd", "gopher://example.org/", "ftp://example.org/", "data:text/html,x", "javascript:x",
            "//example.org/", "example.org", "http:", "http://", "http:///x", "http:example.org", "", "http://?x",
            "http://user@example.org/", "http://user:pw@example.org/", "http://@example.org/",
            "http://example.org@127.0.0.1/",
            "http://127.0.0.1%00.example.org/", "http://%31%32%37.0.0.1/", "http://ex%61mple.org/",
            "http://example.org\\@127.0.0.1/",
            "http://exam\tple.org/", "http://exam\nple.org/", "\x01http://example.org/", " http://example.org/",
            "http://a b/",
            "http://example.org:99999/", "http://example.org:-1/", "http://example.org:1:2/", "http://example.org:x/",
            "http://example.org:22/", "http://example.org:25/", "http://example.org:6667/", "http://example.org:0/",
            "http://example..org/", "http://.example.org/", "http://example.org../", "http://-a.org/",
            "http://a" + "b" * 63 + ".org/",
            "http://[::1%25lo]/", "http://[fe80::1%eth0]/", "http://[v1.x]/", "http://[127.0.0.1]/", "http://[::1/",
            "http://]/",
            "http://a,b/", "http://a;b/", "http://a$b/", "http://" + "a." * 130 + "org/",
            "http://example.org/" + "x" * 9000,
            "http://\u200d.org/", "http://\u2488.org\u2260x/", "http://a\u2100b.org/")  # fmt: skip


def test_public_addresses_may_be_reached():
    assert [refusal(address) for address in PUBLIC] == [None] * len(PUBLIC)


@pytest.mark.parametrize(("why", "address"), [(why, address) for why, many in REFUSED.items() for address in many])
def test_an_address_is_refused_and_the_reason_said(why, address):
    assert why in str(refusal(address))


def test_whatever_python_calls_not_global_is_refused():
    draws = random.Random(7)
    for _ in range(20_000):
        four = ipaddress.IPv4Address(draws.getrandbits(32))
        if not four.is_global or four.is_multicast:
            assert refusal(four), four
        for prefix in (0xFFFF << 32, 0x64FF9B << 96, 0):
            if not four.is_global and prefix | int(four) > 1:
                assert refusal(ipaddress.IPv6Address(prefix | int(four))), four
        six = ipaddress.IPv6Address(draws.getrandbits(128) >> draws.choice((0, 8, 64, 100)))
        if not six.is_global or six.is_multicast:
            assert refusal(six), six


def test_a_url_is_taken_apart():
    assert parsed("HTTP://Example.ORG") == ("http", "example.org", 80, "/")
    assert parsed("https://example.org./a?b#c") == ("https", "example.org", 443, "/a?b")
    assert parsed("http://[2606:2800::1]:8080/x")[:3] == ("http", "2606:2800::1", 8080)
    assert parsed("http://bücher.example/").host == "xn--bcher-kva.example"
    assert parsed("http://straße.example/").host == "xn--strae-oqa.example"
    assert parsed("http://例え.jp/").host == "xn--r8jz45g.jp"
    assert parsed("http://a_b.example/").host == "a_b.example"


@pytest.mark.parametrize("url", ODD_URLS)
def test_an_odd_url_is_refused(url):
    with pytest.raises(Refused):
        parsed(url)


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_addresses_in_odd_notations_are_refused_before_any_look_up(host):
    guard = Guard(resolve=lambda host, port: pytest.fail(f"{host} was looked up"))
    for name in (host, f"{host}."):
        with pytest.raises(Refused):
            parsed(f"http://{name}/")
        with pytest.raises(Refused):
            guard.addresses(name, 80)


def test_what_a_refusal_says_holds_no_password():
    with pytest.raises(Refused) as caught:
        parsed("http://ann:s3cret@example.org/?token=abc")
    assert "s3cret" not in str(caught.value) and "abc" not in str(caught.value)
    assert isinstance(caught.value, Terminal)


def test_one_bad_answer_among_good_ones_refuses_the_name():
    for bad in ("10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1%2", "nonsense"):
        guard = Guard(resolve=lambda host, port, bad=bad: ["8.8.8.8", bad])
        with pytest.raises(Refused, match=r"example\.org"):
            guard.addresses("example.org", 443)
    assert Guard(resolve=lambda host, port: ["8.8.8.8", "8.8.4.4"]).addresses("a.b", 80) == ["8.8.8.8", "8.8.4.4"]


def test_a_name_is_looked_up_once_and_the_judged_answer_is_returned():
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    guard = Guard(resolve=lambda host, port: next(answers))
    assert guard.addresses("rebind.example", 80) == ["8.8.8.8"]
    with pytest.raises(Refused):
        guard.addresses("rebind.example", 80)


def test_names_of_this_machine_are_refused():
    for name in ("localhost", "LOCALHOST.", "127.0.0.1", "::1"):
        with pytest.raises(Refused, match="loopback"):
            Guard().addresses(name, 80)


def test_private_addresses_are_reached_where_they_are_named():
    everywhere = Guard(allow_private=True)
    network = Guard(allow_private=("10.1.0.0/16", "fd12::/16"))
    hosts = Guard(allow_private=("wiki.corp.example", ".lab.example"))
    assert everywhere.judged("x", ["127.0.0.1", "10.0.0.1"]) == ["127.0.0.1", "10.0.0.1"]
    assert network.judged("x", ["10.1.2.3", "fd12::9", "8.8.8.8"]) == ["10.1.2.3", "fd12::9", "8.8.8.8"]
    for host in ("wiki.corp.example", "lab.example", "a.b.lab.example"):
        assert hosts.judged(host, ["192.168.1.1"]) == ["192.168.1.1"]
    for guard, host, answer in (
        (network, "x", "10.2.0.1"),
        (hosts, "corp.example", "10.1.0.1"),
        (hosts, "evil-lab.example", "10.1.0.1"),
        (hosts, "a.wiki.corp.example", "10.1.0.1"),
        (Guard(allow_private=False), "x", "10.1.0.1"),
        (everywhere, "x", "garbage"),
    ):
        with pytest.raises(Refused):
            guard.judged(host, [answer])


def test_a_metadata_service_is_reached_by_its_own_address_only():
    for allowed in (True, ("169.254.0.0/16",), ("fd00::/8", "meta.example"), ("::ffff:0:0/96",)):
        for answer in ("169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"):
            with pytest.raises(Refused):
                Guard(allow_private=allowed).judged("meta.example", [answer])
    assert Guard(allow_private=("169.254.169.254",)).judged("m", ["169.254.169.254"]) == ["169.254.169.254"]


def test_a_name_without_an_address_is_terminal_and_a_silent_resolver_transient(monkeypatch):
    import socket

    def fails(code):
        def look(*args, **options):
            raise socket.gaierror(code, "why")

        return look

    monkeypatch.setattr(socket, "getaddrinfo", fails(socket.EAI_NONAME))
    with pytest.raises(NoSuchHost, match="no such host"):
        Guard().addresses("no.example", 80)
    monkeypatch.setattr(socket, "getaddrinfo", fails(socket.EAI_AGAIN))
    with pytest.raises(Transient):
        look_up("no.example", 80)
    with pytest.raises(NoSuchHost):
        Guard(resolve=lambda host, port: []).addresses("no.example", 80)


def test_a_guard_travels_to_workers():
    guard = Guard(allow_private=("10.0.0.0/8",))
    assert pickle.loads(pickle.dumps(guard)) == guard


def test_a_wrong_entry_of_allow_private_is_refused():
    for entry in ("10.0.0.0/33", "http://x/", ""):
        with pytest.raises(Refused):
            Guard(allow_private=(entry,))


def test_hosts_are_cached_without_growing():
    for number in range(5000):
        host_of(f"h{number}.example")
    assert host_of.cache_info().currsize <= 4096
