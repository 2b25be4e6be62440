"""Lists of pages give addresses, whatever their form, and cannot grow."""

import gzip

from tilth.connectors._crawl.maps import MOST_URLS, is_map, listed

ATOM = b"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><link href="http://a.org/" rel="self"/>
<entry><link href="http://a.org/1"/><link rel="enclosure" href="http://a.org/x.mp3"/></entry></feed>"""
RSS = b"""<!DOCTYPE rss [ ]><rss version="2.0"><channel><link>http://a.org/</link><item><title>x</title>
<link> http://a.org/1 </link></item><item><link>http://a.org/2?a=1&amp;b=2</link></item></channel></rss>"""
RDF = b"""<rdf:RDF xmlns:rdf="x" xmlns="y"><item><link>http://a.org/1</link></item></rdf:RDF>"""


def test_sitemaps_and_indexes():
    body = b"<urlset xmlns='x'><url><loc> http://a.org/1 </loc><lastmod>2024</lastmod></url><url><loc/></url></urlset>"
    assert listed(body).pages == ["http://a.org/1"]
    index = listed(b"<s:sitemapindex xmlns:s='x'><s:sitemap><s:loc>http://a.org/m</s:loc></s:sitemap></s:sitemapindex>")
    assert index.maps == ["http://a.org/m"] and not index.pages


def test_feeds_give_their_entries_only():
    assert listed(ATOM).pages == ["http://a.org/1"]
    assert listed(RSS).pages == ["http://a.org/1", "http://a.org/2?a=1&b=2"]
    assert listed(RDF).pages == ["http://a.org/1"]


def test_texts_of_one_address_a_line():
    assert listed(b"http://a.org/1\r\nnothing\nhttps://a.org/2\n").pages == ["http://a.org/1", "https://a.org/2"]


def test_packed_lists_are_read_and_do_not_grow():
    body = b"<urlset><url><loc>http://a.org/1</loc></url>"
    assert listed(gzip.compress(body + b"</urlset>")).pages == ["http://a.org/1"]
    bomb = listed(gzip.compress(body + b" " * (60 << 20)))
    assert bomb.pages == ["http://a.org/1"] and bomb.broken
    assert "broken" in listed(b"\x1f\x8bnothing").broken


def test_entities_are_not_read():
    bomb = b"""<!DOCTYPE urlset [<!ENTITY a "http://a.org/"><!ENTITY b "&a;&a;&a;&a;">]>
    <urlset><url><loc>&b;</loc></url></urlset>"""
    found = listed(bomb)
    assert not found.pages and "entities" in found.broken
    outside = (
        b"""<!DOCTYPE urlset [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset><url><loc>&a;</loc></url></urlset>"""
    )
    assert not listed(outside).pages


def test_a_list_that_breaks_off_gives_what_came_before():
    found = listed(b"<urlset><url><loc>http://a.org/1</loc></url><url><loc>http://a.or")
    assert found.pages == ["http://a.org/1"] and found.broken


def test_lists_have_an_end():
    found = listed(b"<urlset>" + b"<url><loc>http://a.org/</loc></url>" * (MOST_URLS + 10) + b"</urlset>")
    assert len(found.pages) == MOST_URLS and "50,000" in found.broken
    assert "deep" in listed(b"<urlset>" + b"<x>" * 100).broken


def test_lists_are_told_from_pages():
    assert is_map("text/xml", ATOM) and is_map(None, RSS) and is_map("application/octet-stream", RDF)
    assert not is_map("text/html", b"<html><rss>") and not is_map("application/xml", b"<svg>")
    assert is_map("text/html", b"<?xml version='1.0'?><urlset></urlset>")
