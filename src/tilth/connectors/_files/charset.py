"""Guess which encoding lines that are not UTF-8 are in."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

CANDIDATES = [
    *("gb18030", "big5", "big5hkscs", "cp932", "euc_jp", "cp949"),
    *("cp1252", "cp1250", "cp1251", "koi8_r", "iso8859_2", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
]
LATIN = {
    "cp1252": frozenset(),
    "cp1250": frozenset(),
    "cp1254": frozenset(),
    "iso8859_2": frozenset({"Polish", "Czech", "Slovak", "Hungarian", "Romanian", "Croatian", "Slovene"}),
    "cp1257": frozenset({"Lithuanian", "Latvian", "Estonian"}),
}
"""Code pages that differ in few letters, and the languages for which such a guess stands; else the letters decide."""
_CENTRAL = bytes.fromhex("8a8c8d8e8f9a9d9e9fa3a5afb3b9babebffe")
"""In cp1250 letters such as š ł ą ż ţ; in cp1252 signs, or letters that no language of Western Europe has in words."""
_POLISH_ENDS = re.compile(rb"[A-Za-z\x80-\xff][\xea\xe6\xf1](?![A-Za-z\x80-\xff])")
"""In cp1250 ę ć ń at the end of a word; in cp1252 ê æ ñ, which end hardly any."""
_TURKISH = bytes.fromhex("f0fdfe")
"""In cp1254 ğ ı ş; in cp1252 Icelandic letters."""
_NOT_TURKISH = bytes.fromhex("e1ede6e3")
_HUNGARIAN = bytes.fromhex("c1c9cdd3d5d6dadbdce1e9edf3f5f6fafbfc")
_OWN_HUNGARIAN = bytes.fromhex("d5dbf5fb")
"""In cp1250 ő and ű."""
GROUPS = 5
GROUP_BYTES = 16 << 10
ENOUGH = 600
"""How many bytes outside ASCII make a group of its own worth while."""
COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事"
    "成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实這個們來為國說時會對於著過發後裡"
    "種經麼學現當沒動還進樣開從實無與及任何等權應很太店酒买房服务机水"
)
"""Characters that make up a third of running Chinese, simplified and traditional."""
_USUAL = dict.fromkeys(map(ord, "–—‘’“”„…€°«»"), "-")
LITTLE = 4
"""Fewer bytes outside ASCII than this tell no encoding by themselves."""
CHINESE_SHARE = 0.12
_HIGH = bytes(range(128, 256))


def guess(lines: Sequence[bytes]) -> str | None:
    """Return the codec that most groups of lines agree on, or None; a few corrupt lines sway one group only.

    >>> guess(["尊敬的客服，我的订单还没有到".encode("gb18030")])
    'gb18030'
    >>> guess(["Schöne Grüße aus Köln, die Lieferung kam verspätet".encode("cp1252")])
    'cp1252'
    """
    if sum(_outside(line) for line in lines) < LITTLE:
        return "cp1252" if all(map(_western_words, lines)) else None
    votes: Counter[str] = Counter()
    for group in _groups(lines):
        codec = _guess_one(b"\n".join(group))
        if codec:
            votes[codec] += 1
    # `most_common` keeps the order of first votes among equals, so the answer is the same every time.
    return votes.most_common(1)[0][0] if votes else None


def _groups(lines: Sequence[bytes]) -> list[list[bytes]]:
    outside = sum(map(_outside, lines))
    count = max(1, min(GROUPS, len(lines), outside // ENOUGH))
    groups = []
    for number in range(count if lines else 0):
        group, size = [], 0
        for line in lines[number * len(lines) // count : (number + 1) * len(lines) // count]:
            group.append(line[:GROUP_BYTES])
            size += len(line)
            if size > GROUP_BYTES:
                break
        groups.append(group)
    return groups


def _outside(line: bytes) -> int:
    return len(line) - len(line.translate(None, _HIGH))


def _western_words(line: bytes) -> bool:
    """Tell whether what is outside ASCII are usual signs, and letters beside letters, as a stray byte is not."""
    text = (_decode(line, "cp1252") or "\x80").translate(_USUAL)
    around = zip(" " + text, text, text[1:] + " ", strict=False)
    return all(
        char.isascii() or (char.isalpha() and (left.isalpha() or right.isalpha())) for left, char, right in around
    )


def _guess_one(sample: bytes) -> str | None:
    chinese = _chinese(sample)
    if chinese:
        return chinese
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=CANDIDATES).best()
    if best is None or best.encoding in ("ascii", "utf_8"):
        return None
    codec = str(best.encoding)
    if codec not in LATIN or best.language in LATIN[codec]:
        return codec
    latin = _latin(sample)
    return latin if _decode(sample, latin) is not None else codec


def _latin(sample: bytes) -> str:
    """Choose between the code pages of Western Europe, Central Europe and Turkey by the letters inside words.

    >>> _latin("Nie mogę się zalogować".encode("cp1250")), _latin("Le câble abîmé, dès demain".encode("cp1252"))
    ('cp1250', 'cp1252')
    """
    inside = bytes(right for left, right in itertools.pairwise(sample) if right > 127 and (left > 127 or _letter(left)))

    def count(letters: bytes) -> int:
        return len(inside) - len(inside.translate(None, letters))

    if count(_TURKISH) * 10 > len(inside) and not count(_NOT_TURKISH):
        return "cp1254"
    hungarian = count(_HUNGARIAN) == len(inside) and count(_OWN_HUNGARIAN)
    central = count(_CENTRAL) + len(_POLISH_ENDS.findall(sample))
    return "cp1250" if central * 12 > len(inside) or hungarian else "cp1252"


def _letter(byte: int) -> bool:
    return 65 <= byte <= 90 or 97 <= byte <= 122


def _chinese(sample: bytes) -> str | None:
    """Return gb18030 or big5 if so read the sample holds as many common characters as Chinese does."""
    shares = []
    for codec in ("gb18030", "big5"):
        text = _decode(sample, codec) or ""
        outside = [char for char in text if char > "\u2fff"]
        kana = sum("\u3040" <= char <= "\u30ff" for char in outside)
        if len(outside) >= 4 and kana * 5 < len(outside):
            shares.append((sum(char in COMMON for char in outside) / len(outside), codec))
    best = max(shares, default=(0.0, ""))
    return best[1] if best[0] >= CHINESE_SHARE else None


def _decode(sample: bytes, codec: str) -> str | None:
    try:
        return sample.decode(codec)
    except UnicodeDecodeError:
        return None
