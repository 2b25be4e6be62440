"""Write small documents by hand, so that tests need no file of anybody's."""

from __future__ import annotations

import io
import zipfile

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(*pages: str, title: str = "Rain", info: str = "") -> bytes:
    """Write a PDF with a text a page, in Helvetica, a line a line."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    parts = [
        "<< /Type /Catalog /Pages 2 0 R /Lang (en-GB) >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for at, page in enumerate(pages):
        shown = "".join(f"({line}) Tj 0 -14 Td " for line in page.split("\n"))
        drawn = f"BT /F1 12 Tf 72 720 Td {shown}ET"
        parts.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * at} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        parts.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    parts.append(f"<< /Title ({title}) /Author (Ann) /CreationDate (D:20240531080000Z) {info}>>")
    written, places = "%PDF-1.4\n", []
    for at, part in enumerate(parts, 1):
        places.append(len(written))
        written += f"{at} 0 obj\n{part}\nendobj\n"
    start = len(written)
    written += f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n" + "".join(f"{at:010} 00000 n \n" for at in places)
    written += f"trailer\n<< /Size {len(parts) + 1} /Root 1 0 R /Info {len(parts)} 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return written.encode("latin-1")


def docx(body: str, **parts: str) -> bytes:
    """Write a Word document whose body is the XML given."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
        packed.writestr("word/document.xml", f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>')
        for name, content in parts.items():
            packed.writestr(name.replace("__", "/") + ".xml", content)
    return written.getvalue()


def paragraph(*runs: str) -> str:
    """Write a paragraph of runs."""
    return "<w:p>" + "".join(f"<w:r><w:t>{run}</w:t></w:r>" for run in runs) + "</w:p>"


def page(*paragraphs: str, head: str = "<title>Rain in May</title>", around: str = "") -> bytes:
    """Write a web page: an article between a menu, a sidebar, comments and a foot."""
    text = "".join(f"<p>{each}</p>" for each in paragraphs)
    return f"""<!DOCTYPE html><html lang="en"><head>{head}<script>var x = "<p>no text</p>";</script></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/news">All the news of today</a></li></ul></nav>
<div class="cookie-consent"><p>We use cookies, and we would like you to accept every one of them. Thank you.</p></div>
<div id="main"><div class="post"><h1>Rain in May</h1><div class="byline">By Ann, 31 May 2024</div>
<div class="entry-content">{text}<div class="share-buttons">Share this on Facebook</div></div></div>
<div class="related-posts"><h3>You might also like</h3><ul><li><a href="/snow">Snow in June</a></li></ul></div>
<div id="comments"><p>A comment: I do not believe a word of what is written here, and never did.</p></div></div>
<aside class="sidebar"><p>Buy our umbrellas. They are the best umbrellas that money can buy in this town.</p></aside>
{around}<footer><p>Copyright 2024 by the Weather Times. All rights reserved, all wrongs too.</p></footer></body></html>
""".encode()
