"""Cut off lines that stand around a page's text: buttons, dates, credits, lists of other articles.

Only short lines go, and only whole ones. English, German, French, Spanish, Polish, Italian and Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_NOISE = re.compile(
    r"""(?xi)^[\W\d]*(?:
        (?:jetzt\ )?teilen(?:\ auf.*)? | share(?:\ (?:this|on|via|with|the)\b.*)? | tweet | twitter | facebook
        | whatsapp | pinterest | linked-?in | e-?mail | xing | drucken | print | copy\ link | merken | empfehlen
        | kommentar(?:e|ieren)?(?:\ (?:schreiben|verfassen|anzeigen|lesen))?
        | (?:leave|post|add|write)\ a\ (?:comment|reply) | (?:no\ )?comments? | antworten | reply | like
        | gefällt\ mir.{0,30} | (?:read|learn|show|view|see)\ (?:more|also|next|all).{0,60}
        | (?:mehr|weiter)\ ?(?:lesen|erfahren|infos?|dazu|zum\ thema)? | weiterlesen.{0,30}
        | lesen\ sie\ (?:auch|mehr|hier).{0,80} | lire\ (?:aussi|la\ suite).{0,80} | leer\ (?:más|también).{0,80}
        | le\ puede\ interesar.* | czytaj\ (?:też|także|więcej).{0,80}
        | anzeige(?:\W.{0,80})? | werbung | advertisement | advertorial | publicidad | publicité | sponsored | ad
        | reklama | pubblicità
        | (?:fotos?|photo|bild(?:er)?|image|quelle|source|credits?|picture|grafik|illustration)\s*[:©].{0,100}
        | ©.{0,100} | copyright.{0,100}
        | (?:posted|published|veröffentlicht|filed|abgelegt|geschrieben)\ (?:by|on|in|am|von|unter|under)\b.{0,100}
        | (?:last\ (?:updated|modified)|aktualisiert|zuletzt|updated)\b.{0,60} | stand\s*:.{0,40}
        | (?:tags?|schlagworte?|schlagwörter|kategorien?|categor(?:y|ies)|keywords|themen|topics|label)(?:\s*:.{0,100})?
        | dieser\ beitrag\ wurde.{0,100}
        | (?:zurück|back)\ (?:zu[mr]?|to)\b.{0,30} | nach\ oben | top | next | previous | weiter | zurück
        | nächster?\ (?:artikel|beitrag).{0,60} | vorheriger?\ (?:artikel|beitrag).{0,60}
        | home | menü? | suche | search | log-?in | anmelden | log\ in | sign\ (?:in|up).{0,60} | registrieren
        | subscribe.{0,60} | newsletter.{0,60} | abonnieren.{0,40} | pdf | download(?:en)? | cookies?
        | (?:von|by|por|par|autor|author|text|redaktion)\s*:\s*.{0,60}
        | (?:möchten\ sie|willst\ du|hat\ (?:dir|ihnen)|if\ you\ (?:enjoyed|liked)|did\ you\ (?:enjoy|like))
          \b.{0,60}(?:teilen|artikel|beitrag|gefallen|\bpost\b|article|reading|story).{0,40}
        | \d+\ (?:antworten|kommentare|comments?|responses?|replies|views|aufrufe|likes?|shares?)\b.{0,80}
        | 分享(?:到|至).{0,20} | (?:上|下)一篇.{0,60} | (?:责任)?编辑[:：].{0,20} | 举报.{0,10}
        | 收藏 | 评论 | 扫一扫.{0,30}
    )[\W\d]*$"""
)
_MORE = re.compile(
    r"""(?xi)^\W*(?:
        you\ (?:might|may)\ (?:also\ )?(?:like|be\ interested|enjoy)
        | (?:das\ (?:könnte|dürfte)|dies\ könnte|diese\ (?:artikel|themen)\ könnten)
        | related\b | ähnliche\b | verwandte\b
        | (?:mehr|weitere)\ (?:zum\ thema|artikel|beiträge|nachrichten|news|meldungen|themen|kolumnen|infos?|links
          |informationen)
        | zum\ thema | lesen\ sie\ (?:auch|mehr) | auch\ interessant | (?:read|see)\ (?:more|also|next)\b
        | more\ (?:from|on|in|about|like|stories|news|posts|articles)\b | recommended | most\ (?:read|popular)
        | artículos\ relacionados | (?:te|le|también\ (?:te|le))\ (?:puede|podría|recomendamos)
        | (?:articles|à\ lire|sur\ le\ même)\b.{0,20}(?:liés|similaires|aussi|sujet)
        | über\ (?:den\ autor|die\ autor|uns|diese\ reihe) | about\ (?:the\ author|us|this) | zur\ person
        | kommentare?$ | comments?$
        | (?:\d+|ein|one|no|keine)\ (?:kommentare?|comments?|antworten|responses?|replies|thoughts)
        | schreibe?\ (?:einen|uns) | leave\ a\ (?:reply|comment) | newsletter
        | pressekontakt | kontakt$ | contact$ | ansprechpartner | tags?: | zusatzinformation(?:en)?
        | zobacz\ też | powiązane | polecane
        | 相关(?:阅读|新闻|文章|推荐|链接) | 推荐阅读 | 为您推荐 | 延伸阅读 | 热门 | 网友评论 | 最新评论 | 猜你喜欢
    )"""
)
_DATE = re.compile(
    r"""(?xi)^\W*
    (?:(?:am|on|vom|den|le|el|il|dnia|posted|published|date|datum|updated|stand|aktualisiert|veröffentlicht)\W+){0,3}
    (?:[^\W\d]{2,10},?\s+)?
    (?: \d{1,2}[./-]\s?\d{1,2}[./-]\s?\d{2,4} | \d{4}[./-]\d{1,2}[./-]\d{1,2}
      | \d{1,2}\.?\s+(?:de\s+)?[^\W\d]{3,10}\.?,?\s+(?:de\s+)?\d{4}
      | [^\W\d]{3,10}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4} | \d{4}年\d{1,2}月\d{1,2}日 )
    .{0,40}$"""
)
_END = (".", "!", "?", "…", "。", "！", "？", '"', "”", "»", "」", ")", ":")


def kept(lines: Sequence[str]) -> list[str]:
    """Return the lines that are text.

    >>> kept(["It rained for a week.", "Share this on Facebook", "Then it stopped.", "Related posts", "Snow in May"])
    ['It rained for a week.', 'Then it stopped.']
    """
    found: list[str] = []
    total, seen, others = sum(map(len, lines)), 0, False
    for line in _without_end(lines, total):
        seen += len(line)
        if (len(line) <= 160 and _NOISE.match(line)) or (len(line) <= 90 and _DATE.match(line)):
            continue
        if len(line) <= 100 and 2 * seen > total and _MORE.match(line):
            others = True
        elif not others or len(line) > 150:
            others = False
            found.append(line)
    return found


def _without_end(lines: Sequence[str], total: int) -> Sequence[str]:
    """Cut off the last lines that are no sentences, where they are little."""
    end = len(lines)
    while end and len(lines[end - 1]) < 50 and not lines[end - 1].rstrip().endswith(_END):
        end -= 1
    return lines[:end] if sum(map(len, lines[end:])) < 0.15 * total else lines
