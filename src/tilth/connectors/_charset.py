"""Guess which encoding lines that are not UTF-8 are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

CANDIDATES = [
    *("gb18030", "big5", "big5hkscs", "cp932", "euc_jp", "cp949"),
    *("cp1252", "cp1250", "cp1251", "koi8_r", "iso8859_2", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
]
CENTRAL_EUROPEAN = frozenset({"Polish", "Czech", "Slovak", "Hungarian", "Romanian", "Croatian", "Slovene", "Slovenian"})
LIKE_WESTERN = {
    "cp1250": CENTRAL_EUROPEAN,
    "iso8859_2": CENTRAL_EUROPEAN,
    "cp1254": frozenset({"Turkish"}),
    "cp1257": frozenset({"Lithuanian", "Latvian", "Estonian"}),
}
"""Code pages that differ from cp1252 in few letters, and the languages that need them."""
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
CHINESE_SHARE = 0.12
_HIGH = bytes(range(128, 256))


def guess(lines: Sequence[bytes]) -> str | None:
    """Return the codec that most groups of lines agree on, or None; a few corrupt lines sway one group only.

    >>> guess(["尊敬的客服，我的订单还没有到".encode("gb18030")])
    'gb18030'
    >>> guess(["Schöne Grüße aus Köln, die Lieferung kam verspätet".encode("cp1252")])
    'cp1252'
    """
    votes: Counter[str] = Counter()
    for group in _groups(lines):
        codec = _guess_one(b"\n".join(group))
        if codec:
            votes[codec] += 1
    # `most_common` keeps the order of first votes among equals, so the answer is the same every time.
    return votes.most_common(1)[0][0] if votes else None


def _groups(lines: Sequence[bytes]) -> list[list[bytes]]:
    outside = sum(len(line) - len(line.translate(None, _HIGH)) for line in lines)
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


def _guess_one(sample: bytes) -> str | None:
    chinese = _chinese(sample)
    if chinese:
        return chinese
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=CANDIDATES).best()
    if best is None or best.encoding in ("ascii", "utf_8"):
        return None
    codec = str(best.encoding)
    if codec == "cp1252" and best.language in CENTRAL_EUROPEAN and _decode(sample, "cp1250") is not None:
        return "cp1250"
    western = codec in LIKE_WESTERN and best.language not in LIKE_WESTERN[codec]
    return "cp1252" if western and _decode(sample, "cp1252") is not None else codec


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
