"""A page has one URL, however it is written; what looks endless is a trap."""

import pytest

from tilth.connectors._crawl.urls import TRACKING, host_in, is_trap, joined, normalised, origin_of, pattern_of, site_of


@pytest.mark.parametrize(
    ("url", "one"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("http://example.org:80/", "http://example.org/"),
        ("https://example.org:443/", "https://example.org/"),
        ("https://example.org:8443/", "https://example.org:8443/"),
        ("http://example.org./", "http://example.org/"),
        ("http://example.org/a/./b/../c", "http://example.org/a/c"),
        ("http://example.org/../../x", "http://example.org/x"),
        ("http://example.org/a/..", "http://example.org/"),
        ("http://example.org/a/b/..", "http://example.org/a/"),
        ("http://example.org/%7euser/%2fx%e4", "http://example.org/~user/%2Fx%E4"),
        ("http://example.org/a b\u00e9", "http://example.org/a%20b%C3%A9"),
        ("http://example.org/100%", "http://example.org/100%25"),
        ("http://example.org/a#b?c", "http://example.org/a"),
        ("http://example.org/a?", "http://example.org/a"),
        ("http://example.org/a?b=1&a=2", "http://example.org/a?b=1&a=2"),
        ("http://example.org/a?b=c d", "http://example.org/a?b=c%20d"),
        (" http://example.org/a\n", "http://example.org/a"),
        ("http://exa\tmple.org/a", "http://example.org/a"),
        ("http:\\\\example.org\\a", "http://example.org/a"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://[2606:2800:0:0::1]/", "http://[2606:2800::1]/"),
        ("http://example.org/;jsessionid=12AB/x", "http://example.org/;jsessionid=12AB/x"),
        ("mailto:a@b", None), ("http://", None), ("http://127.1/", None), ("http://u@example.org/", None),
        ("http://example.org/" + "x" * 9000, None), ("http://exa mple.org/", None),
    ],
)  # fmt: skip
def test_a_url_is_written_in_one_way(url, one):
    assert normalised(url) == one
    if one is not None:
        assert normalised(one) == one


def test_parameters_of_tracking_go():
    url = "http://a.org/x;jsessionid=99?utm_source=a&id=7&UTM_Medium=b&gclid=c&PHPSESSID=d&ids=8"
    assert normalised(url, TRACKING) == "http://a.org/x?id=7&ids=8"
    assert normalised("http://a.org/?utm_source=a", TRACKING) == "http://a.org/"


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("x", "http://a.org/b/x"), ("/x", "http://a.org/x"), ("//c.org/x", "http://c.org/x"), ("?q", "http://a.org/b/c?q"),
        ("../../x", "http://a.org/x"), ("HTTPS://A.org", "https://a.org/"), ("", None), ("#x", None),
        ("javascript:void(0)", None), ("tel:123", None), ("data:text/html,x", None), ("\\x\\y", "http://a.org/x/y"),
        (" x ", "http://a.org/b/x"), ("//127.0.0.1:22/", None), ("http://[", None), ("x?a=http://b/c", "http://a.org/b/x?a=http://b/c"),
    ],
)  # fmt: skip
def test_links_are_resolved(link, target):
    assert joined("http://a.org/b/c", link) == target


def test_a_query_is_written_in_the_charset_of_the_page():
    assert joined("http://a.org/", "?q=\u4e2d", (), "gb18030") == "http://a.org/?q=%D6%D0"
    assert joined("http://a.org/", "\u4e2d", (), "gb18030") == "http://a.org/%E4%B8%AD"


def test_hosts_origins_and_sites():
    assert host_in("http://a.org:8080/x") == "a.org:8080" and host_in("http://a.org") == "a.org"
    assert origin_of("http://a.org:8080/x") == "http://a.org:8080"
    assert site_of("a.b.example.com") == "example.com" and site_of("www.example.com.au:99") == "example.com.au"
    assert site_of("[2606:2800::1]:80") == "[2606:2800::1]:80" and site_of("localhost") == "localhost"


@pytest.mark.parametrize("path", ["/a/a/a/a/", "/x/y/x/y/x/y", "/p/q/r/p/q/r/p/q/r/", "/" + "z/" * 50, "/" + "x" * 3000,
                                  "/?" + "a=1&" * 70])  # fmt: skip
def test_traps_are_seen(path):
    assert is_trap(f"http://a.org{path}", 2000) or path.startswith("/?")


def test_pages_are_no_traps():
    for path in ("/a/b/c/d/e/f/g", "/2024/01/01/01/01/01", "/docs/docs/x/y/z/w", "/" + "/".join("abcdefghijklm")):
        assert not is_trap(f"http://a.org{path}", 2000), path


def test_forms_join_urls_that_differ_in_numbers_and_values():
    assert pattern_of("http://a.org/x/12?d=1") == pattern_of("http://a.org/x/7?d=99")
    assert pattern_of("http://a.org/x/12") != pattern_of("http://a.org/y/12")
