"""Name the marks, phrases and scripts that the text statistics count: data only."""

from __future__ import annotations

import string

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
"""The eight words of Rae et al. 2021 ("Gopher", A1.1); case counts, as in datatrove."""

POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
"""The phrases of C4's cleaning code (Raffel et al. 2020; T5 `c4_utils.py`)."""

SENTENCE = ".!?…。！？"
"""Marks that a sentence may end in."""
FULL_SENTENCE = "…。！？"
"""Those that end one whatever follows."""
CLOSERS = "\"')]}”’»"
"""What may follow the mark that ends a sentence, besides white space and the end."""

BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""Where `str.splitlines` cuts."""

ASCII_MARKS = string.punctuation
CHINESE_MARKS = "，。！？；：、“”‘’（）《》〈〉【】『』「」〔〕…—～·"
PARENTHESES = "()（）"

SCRIPTS = {
    "han": (
        (0x2E80, 0x2FDF),
        (0x3005, 0x3007),
        (0x3021, 0x3029),
        (0x3400, 0x4DBF),
        (0x4E00, 0x9FFF),
        (0xF900, 0xFAFF),
        (0x20000, 0x3347F),
    ),
    "kana": ((0x3041, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x1AFF0, 0x1B16F)),
    "hangul": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xFFA0, 0xFFDC)),
}
"""Blocks whose letters belong to each script, first and last code point."""


def _unpack(ranges: str) -> frozenset[str]:
    ends = (part.split("-") for part in ranges.split())
    return frozenset(chr(point) for end in ends for point in range(int(end[0], 16), int(end[-1], 16) + 1))


TERMINAL = _unpack(
    "0021 002E 003F 0589 061D-061F 06D4 0700-0702 07F9 0837 0839 083D-083E 0964-0965 104A-104B 1362 1367-1368 166E "
    "1735-1736 17D4-17D6 17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F "
    "203C-203D 2047-2049 2E2E 2E3C 2E53-2E54 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 "
    "AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 "
    "110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 "
    "115C9-115D7 11641-11642 1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 "
    "16A6E-16A6F 16AF5 16B37-16B38 16B44 16E98 1BC9F 1DA88"
)
"""Unicode's Sentence_Terminal marks, as FineWeb takes them (datatrove `TERMINAL_PUNCTUATION`; Penedo et al. 2024)."""

SYMBOLS = TERMINAL | frozenset(
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
    + "".join(map(chr, (*range(9), *range(11, 32), *range(127, 160))))
)
"""A word of these alone is no word to datatrove's Gopher rules (its `PUNCTUATION_SET`; among our words only "１")."""

BOILERPLATE = (
    *(
        "版权所有",
        "未经授权",
        "未经许可",
        "转载请",
        "免责声明",
        "责任编辑",
        "网站地图",
        "ICP备",
        "公网安备",
        "联系我们",
    ),
    *("关于我们", "二维码", "点击下载", "立即注册", "加微信", "微信公众号", "上一篇", "下一篇", "返回顶部", "返回首页"),
    *("分享到", "相关阅读", "相关推荐", "热门推荐", "友情链接", "举报电话"),
)
"""Phrases of a Chinese page's furniture: copyright, disclaimers, registration numbers, sharing, next page."""
