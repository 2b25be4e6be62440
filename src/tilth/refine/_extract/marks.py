"""Tell from an element's class and id whether it holds a page's text, or stands beside it.

The words are those that site templates use, in English, German, French, Spanish and Polish; many were collected from
the rules of trafilatura 2 (Barbaresi 2021, Apache-2.0) and Readability.js, others from pages.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple


class Marks(NamedTuple):
    """What an element's names say of it."""

    drop: int = 0
    """2: it is no text; 1: it is none if it is short."""
    strong: bool = False
    """It is called the text of an article."""
    weak: bool = False
    """It is called content, post, text or the like."""


@functools.lru_cache(maxsize=1 << 15)
def marks_of(classes: str, ident: str) -> Marks:
    """Read an element's class and id.

    >>> marks_of("post-comments", "").drop, marks_of("article-body", "").strong, marks_of("", "content").weak
    (2, True, True)
    """
    names, own = named(classes), named(ident)
    both = f"{names} {own}".strip()
    drop = 2 if _NEVER.search(both) else 1 if _SELDOM.search(both) else 0
    return Marks(drop, bool(_STRONG.search(both)), bool(_WEAK.search(names) or _WEAK.search(own)))


def named(name: str) -> str:
    """Write a class or id in lower case, parted by hyphens.

    >>> named("relatedPosts")
    'related-posts'
    """
    return _CAMEL.sub("-", name[:500]).lower()


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NEVER = re.compile(
    r"""(?x)(?:^|[\s_-])(?:
        nav(?:bar|box|igation|i|s)?(?![a-z]) | sub-?nav | top-?nav | main-?nav | menu | bread-?crumbs?
        | foot(?:er)?(?![a-z]) | side-?bar | shar(?:e|ing|es|ed|edaddy|iff)(?![a-z])
        | share(?:bar|this|buttons?|tools|r) | social | sociable | addtoany | addthis | follow(?:-?us|ers)?
        | jp-(?:relatedposts|post-flair|carousel) | related | recommend(?:ed|ations?)? | similar | recirculation
        | more-?(?:stories|articles|posts|news|from|on|info|link) | read-?(?:more|next|also)
        | most-?(?:read|popular|viewed) | popular | trending | comments?(?![a-z])
        | comment-?(?:list|form|s|respond|area|count|link) | comol | respond | reply | disqus | dsq | discussion
        | news-?letter | subscri(?:be|ption|bers?) | syndication | sign-?up | log-?in | cookies?(?![a-z])
        | consent | gdpr | pay-?wall | premium-?(?:box|teaser|hint) | advert(?:isement|ising|s)? | ads?(?![a-z])
        | adsense | ad-?(?:box|container|wrapper|slot|banner|unit) | anzeige | werbung | sponsor(?:ed|s)?
        | promo(?:tion|s|box)? | outbrain | taboola | criteo | dfp | tag-?(?:list|cloud|s|links) | keywords
        | cat-?links | by-?line | pagination | pager | paging | skip(?:-?link|-?to)? | screen-reader | sr-only
        | visually-hidden | mw-(?:editsection|jump-link) | noprint | catlinks | navbox | printfooter
        | donat(?:e|ion) | flattr | vgwort | wm-ipp | masthead | site-?header | topbar
    )"""
)
_SELDOM = re.compile(
    r"""(?x)(?:^|[\s_-])(?:
        sticky | tags?(?![a-z]) | categor(?:y|ies)(?=[\s_-]|$)
        | author(?:-?(?:box|info|bio|name|s|meta|avatar|link|card))?(?![a-z]) | author | meta(?![a-z])
        | (?:post|entry|article)-?(?:meta|date|footer|info|utility|utilities|nav) | post(?:ed|info)
        | date(?:line)?(?![a-z]) | time-?stamp | publish(?:ed|-?date)?(?![a-z]) | prev(?:ious)? | next(?![a-z])
        | pop-?up | modal | overlay | off-?canvas | lightbox | tool-?(?:bar|box|tip)s? | search
        | print(?:-?only|friendly)? | copy-?right | legal | imprint | impressum | hidden(?![a-z])
        | hide(?![a-z]) | no-?print | ratings? | vote | poll | likes?(?![a-z]) | wp-caption | caption
        | bildunterschrift | credits?(?![a-z]) | gallery | slide(?:r|show) | carousel | banner | buttons? | btn
        | icon | tabs?(?![a-z]) | widgets? | page-?header-?nav | lang(?:uage)?-?(?:switch|select)\w* | jump-?to
        | toc(?![a-z]) | infobox | bio(?![a-z]) | profile | feedback | contact | fact-?box | label | downloads?
        | notice | alert | notification
    )"""
)
_STRONG = re.compile(
    r"""(?x)(?:^|[\s_-])(?:
        (?:entry|article|art|post|story|news|beitrag)(?:-|__)?(?:content|body|text|bodycopy|inner)
        | articlebody | body-?text | e-content | postentry | field-name-body | field-body | text-content | copy-text
    )(?![a-z])"""
)
_WEAK = re.compile(
    r"""(?x)^(?:content|post|entry|article|text|story|beitrag|inhalt|contenido|artikel)$
    | (?:^|\s)(?:content|post|entry|article|text|story|hentry)(?=\s|$)
    | (?:^|[\s_-])(?:main-?content|content-?(?:main|body|area|inner|wrapper)|page-?content|single-?(?:post|content)
        |(?:theme|blog|section)-content|fulltext|wpb_text_column)"""
)
LEAD = re.compile(
    r"""(?x)(?:^|[\s_-])(?:
        lead | lede | excerpt | intro(?:duction|text)? | teaser-?text | article-?teaser | standfirst
        | sub-?(?:title|head|headline) | dek | deck | summary | abstract | vorspann | anleser | kurztext | einleitung
        | entradilla | bajada | chapo | chapeau | sommario | hero-?text | description
    )(?![a-z])"""
)
"""Names of the summary that stands before an article."""
