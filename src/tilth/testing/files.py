"""Write small whole files in every format that Tilth reads, for tests to read and to break."""

from __future__ import annotations

import io
import json
import zipfile

import pyarrow as pa

_TABLE = pa.table({"text": ["some text", None, "中文，很好"] * 20, "n": list(range(60)), "l": [[1, 2], [], None] * 20})
_MAIL = (
    b"From: Ann <a@example.org>\nSubject: =?utf-8?b?w7w=?=\nContent-Type: text/plain\n\n"
    b"Some text\n> quoted\n-- \nAnn\n\n"
)
_PAGE = b"<html><body><p>Some <b>text</b> here.</p><table><tr><td>1</td></tr></table></body></html>"


def small_files() -> dict[str, bytes]:
    """Return names and contents, one or more a format; all are whole and hold a few rows.

    >>> small_files()["a.csv"].splitlines()[0]
    b'id,text,label'
    """
    return {
        "a.csv": ('id,text,label\n1,"a, ""b""\nc",x\n2,plain,y\n3,"é界",z\n' * 8).encode(),
        "a.tsv": ('id\ttext\n1\tsay "hi"\n2\t中文文本，很好\n' * 8).encode(),
        "a.dat": b"a;b\n1;2\n" * 8,
        "a.jsonl": b'{"id": 1, "text": "a\\n\\ud83d\\ude00", "l": [1, 2.5], "o": {"x": null}}\n{"id": 2}\n' * 8,
        "a.json": json.dumps([{"id": at, "text": "x]}", "l": ["é", None]} for at in range(12)], indent=1).encode(),
        "a.txt": 'some text\n第二行文字\n\nmore text, with "signs"\n'.encode() * 8,
        "a.conll": b"-DOCSTART- O\n\nEU B-ORG\nsays O\n\nPeter B-PER\nPan I-PER\n. O\n\n" * 6,
        "a.parquet": _parquet(),
        "a.arrow": _arrow(),
        "a.xlsx": workbook("".join(f"<row>{_cell(f'text {at}')}<c><v>{at}</v></c></row>" for at in range(20)).encode()),
        "a.html": _PAGE * 4,
        "a.docx": _docx(),
        "a.pdf": _pdf(),
        "a.eml": _MAIL,
        "a.mbox": (b"From a@example.org Mon Jan  1 00:00:00 2024\n" + _MAIL) * 3,
        "a.md": b"# Head\n\nSome *text*, [a link](http://a.example), `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
        "a.warc": _warc("response", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + _PAGE),
        "a.wet": _warc("conversion", b"Some text"),
    }


def workbook(rows: bytes) -> bytes:
    """Return a workbook whose one sheet holds these rows of XML under a head of `text` and `n`."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    links = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    head = f"<worksheet {space}><sheetData><row>{_cell('text')}{_cell('n')}</row>".encode()
    sheets = f'<sheets><sheet name="Rows" sheetId="1" r:id="r1" xmlns:r="{kinds}"/></sheets>'
    return _zipped(
        {
            "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/.rels": _links(links, f"{kinds}/officeDocument", "xl/workbook.xml"),
            "xl/workbook.xml": f"<workbook {space}>{sheets}</workbook>".encode(),
            "xl/_rels/workbook.xml.rels": _links(links, f"{kinds}/worksheet", "worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml": head + rows + b"</sheetData></worksheet>",
        }
    )


def _cell(text: str) -> str:
    return f'<c t="inlineStr"><is><t>{text}</t></is></c>'


def _links(links: str, kind: str, target: str) -> bytes:
    one = f'<Relationship Id="r1" Type="{kind}" Target="{target}"/>'
    return f"<Relationships {links}>{one}</Relationships>".encode()


def _docx() -> bytes:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    text = "".join(f"<w:p><w:r><w:t>Paragraph {at}</w:t></w:r></w:p>" for at in range(5))
    document = f"<w:document {space}><w:body>{text}</w:body></w:document>".encode()
    return _zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": document})


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name, content in files.items():
            # A fixed date: the same bytes every time.
            made.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _pdf() -> bytes:
    shown = b"BT /F1 12 Tf 72 720 Td (Some text here) Tj ET"
    parts = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>/MediaBox[0 0 612 792]>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(shown), shown),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    raw = b"%PDF-1.4\n" + b"".join(b"%d 0 obj%s endobj\n" % (at, part) for at, part in enumerate(parts, 1))
    return raw + b"trailer<</Root 1 0 R/Size 6>>\n%%EOF\n"


def _warc(kind: str, block: bytes) -> bytes:
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.example/\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return (head.encode() + block + b"\r\n\r\n") * 4


def _parquet() -> bytes:
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(_TABLE, out, row_group_size=20)
    return out.getvalue()


def _arrow() -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_file(out, _TABLE.schema) as writer:
        writer.write_table(_TABLE, max_chunksize=20)
    return out.getvalue()
