"""What a page says of itself: links, canonical, licence, charset, and what robots may do."""

import pytest

from tilth.connectors._crawl.said import charset_of, codec_for, of_headers, of_page

BASE = "http://a.org/dir/page"


def page(text: str, **headers: str):
    told = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return of_page(of_headers(told, "tilth", BASE, ()), text, BASE, "tilth", (), "utf-8")


def test_links_of_all_kinds_come_once_in_order():
    said = page(
        '<a href="x">1</a><a href="/y">2</a><a href="x#z">1</a><area href="area"><iframe src="in"></iframe>'
        '<link rel="next" href="?p=2"><meta http-equiv="refresh" content="5; url=\'later\'">'
        '<a name="x">no</a><a href="javascript:x">no</a><!-- <a href="comment"> --><script>"<a href=script>"</script>'
    )
    steps = ("dir/x", "y", "dir/area", "dir/in", "dir/page?p=2", "dir/later")
    assert said.links == [f"http://a.org/{step}" for step in steps]


def test_links_that_are_not_to_be_followed_stay():
    assert page(
        '<a rel="nofollow" href="x">1</a><a rel="UGC" href="y">2</a><a rel="noopener" href="z">3</a>'
    ).links == ["http://a.org/dir/z"]


def test_a_base_moves_links_and_the_first_counts():
    said = page('<base href="/other/"><base href="/third/"><a href="x">1</a>')
    assert said.links == ["http://a.org/other/x"]


def test_canonical_licences_feeds_and_language():
    said = page(
        '<html lang="pt-BR"><link rel="canonical" href="/c"><link rel="canonical" href="/d">'
        '<link rel="alternate" type="application/atom+xml" href="/feed"><link rel="alternate" hreflang="de" href="/de">'
        '<link rel="license" href="/l"><a rel="license nofollow" href="http://cc.org/by">by</a>'
    )
    assert (said.canonical, said.maps, said.language) == ("http://a.org/c", ["http://a.org/feed"], "pt-BR")
    assert said.licences == ["http://a.org/l", "http://cc.org/by"]


@pytest.mark.parametrize(
    ("markup", "headers", "expected"),
    [
        ('<meta name="robots" content="NoIndex, nofollow">', {}, {"noindex", "nofollow"}),
        ('<meta name="ROBOTS" content="none">', {}, {"noindex", "nofollow"}),
        ('<meta name="tilth" content="noai">', {}, {"noai"}),
        ('<meta name="googlebot" content="noindex">', {}, set()),
        ('<meta name="tdm-reservation" content="1">', {}, {"tdm-reservation"}),
        ('<meta name="tdm-reservation" content="0">', {}, set()),
        ("", {"x_robots_tag": "noai, noimageai"}, {"noai", "noimageai"}),
        ("", {"x_robots_tag": "otherbot: noindex"}, set()),
        ("", {"x_robots_tag": "tilth: noindex, noai"}, {"noindex", "noai"}),
        ("", {"tdm_reservation": "1"}, {"tdm-reservation"}),
        ("", {"content_usage": "train-ai=n"}, {"no-train-ai"}),
        ("", {"content_usage": "train-ai=y"}, set()),
    ],
)
def test_what_robots_may_do(markup, headers, expected):
    assert set(page(markup, **headers).directives) == expected


def test_headers_name_links_too():
    said = page("", link='<http://cc.org/by>; rel="license", </c>; rel=canonical')
    assert said.licences == ["http://cc.org/by"] and said.canonical == "http://a.org/c"


@pytest.mark.parametrize(
    ("kind", "body", "charset"),
    [
        ("text/html; charset=UTF-8", b"", "utf-8"),
        ('text/html; charset="gb18030"', b'<meta charset="x">', "gb18030"),
        ("text/html", b"<meta charset='Shift_JIS'>", "shift_jis"),
        ("text/html", b'<meta http-equiv="Content-Type" content="text/html; charset=euc-kr">', "euc-kr"),
        ("text/html; charset=ascii", "\ufeffx".encode("utf-16-le"), "utf-16-le"),
        ("text/html", b"x" * 5000 + b"<meta charset=utf-8>", None),
        (None, b"", None),
    ],
)
def test_charsets_are_told(kind, body, charset):
    assert charset_of(kind, body) == charset


@pytest.mark.parametrize(
    "name", ["hex", "base64", "rot13", "zlib", "nonsense", "idna", "\x00", "undefined", "punycode"]
)
def test_a_charset_that_is_none_is_read_as_utf_8(name):
    codec = codec_for(name)
    assert codec in ("utf-8", "idna", "punycode") and isinstance(b"<a>".decode(codec, "replace"), str)


def test_charsets_are_read_as_browsers_do():
    assert codec_for("gb2312") == "gb18030" and codec_for("iso-8859-1") == "cp1252" and codec_for(None) == "utf-8"


def test_broken_markup_is_borne():
    for text in ("<a href=", "<" * 5000, "<a href='x' <a href='y'>", "\0<a href=\0x>", "<div>" * 5000, ""):
        page(text)
