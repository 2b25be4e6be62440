"""People who write to the support desk: each has habits, and puts a message together from phrases."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final

from tilth.samples import support_desk_en as en
from tilth.samples import support_desk_zh as zh
from tilth.samples.support_desk_phrases import Phrases, Slots, parse

PHRASES: Final[dict[str, dict[str, Phrases]]] = {
    "en": {intent: parse(material) for intent, material in en.MATERIAL_EN.items()},
    "zh": {intent: parse(material) for intent, material in zh.MATERIAL_ZH.items()},
}
SLOTS: Final = {"en": en.SLOTS_EN, "zh": zh.SLOTS_ZH}

HARD: Final = {"en": 0.09, "zh": 0.06}
"""How often a message says its matter in the words of another, by language."""

SUBJECT: Final = {"en": 0.25, "zh": 0.4}
"""How often a mail comes with its subject line, by language."""

_PLAIN_WORD: Final = re.compile(r"\b[a-z]{4,}\b")
_SLOPPY: Final = {"n't": "nt", "I'm": "im", "I'd": "id", "I've": "ive", "it's": "its", "you": "u", "please": "pls"}


@dataclass(frozen=True, kw_only=True)
class Writer:
    """The habits of one customer."""

    customer_id: str
    """Who it is."""
    language: str
    """"en" or "zh"."""
    lower: bool
    """Types without capitals."""
    sloppy: bool
    """Leaves out apostrophes and full stops, shortens words."""
    typos: float
    """Chance of a slip of the finger, per word."""
    curly: bool
    """Has a device that sets typographic quotes and dashes."""
    loud: bool
    """Ends sentences with exclamation marks."""
    polite: float
    """Chance of a greeting and of a closing."""
    wordy: float
    """Chance of each sentence that is not needed."""

    @classmethod
    def draw(cls, customer_id: str, language: str, rng: Random) -> Writer:
        """Draw the habits of a customer."""
        return cls(
            customer_id=customer_id,
            language=language,
            lower=rng.random() < 0.15,
            sloppy=rng.random() < 0.15,
            typos=rng.choice((0.0, 0.0, 0.0, 0.0, 0.01, 0.03, 0.06)),
            curly=rng.random() < 0.15,
            loud=rng.random() < 0.12,
            polite=rng.uniform(0.1, 1.0),
            wordy=rng.uniform(0.05, 0.6),
        )


@dataclass(kw_only=True)
class Draft:
    """A message in pieces, so that a sentence can still be put in."""

    language: str
    """"en" or "zh"."""
    joint: str
    """What stands between two sentences."""
    opening: str = ""
    """The greeting with the white space after it."""
    sentences: list[str] = field(default_factory=list)
    """What the message says."""
    closing: str = ""
    """The closing with the white space before it."""

    @property
    def text(self) -> str:
        """The whole message."""
        return f"{self.opening}{self.joint.join(self.sentences)}{self.closing}"


def draft(
    writer: Writer, intent: str, channel: str, *, other: str | None, vague: bool, when: datetime, rng: Random
) -> Draft:
    """Write a message with an intent; `other` is a second topic, `vague` leaves the matter unsaid."""
    months = zh.MONTHS_ZH if writer.language == "zh" else en.MONTHS
    known = {"month": months[max(0, when.month - rng.choice((1, 1, 2, 0)))]}
    slots = Slots(SLOTS[writer.language], language=writer.language, rng=rng, known=known)
    matter = PHRASES[writer.language][intent]
    vagueness = zh.VAGUE_ZH if writer.language == "zh" else en.VAGUE
    main = slots.say(rng.choice(vagueness) if vague else _main(matter, writer.language, channel, rng))
    if channel == "phone_note":
        return _phone_note(writer, matter, main, slots, rng)
    second = slots.say(rng.choice(PHRASES[writer.language][other].core)) if other else ""
    if second and rng.random() < 0.35:
        main, second = _with_topic_before(writer, main, second, rng), ""
    said = _around(writer, matter, main, channel, slots, rng)
    if second:
        said.append(_topic_after(writer, second, rng))
    written = (_chinese if writer.language == "zh" else _english)(writer, said, channel, rng)
    if channel == "email" and rng.random() < SUBJECT[writer.language]:
        subject = slots.say(rng.choice(matter.short)).rstrip("?？! ")
        written.opening = (
            f"{'主题：' if writer.language == 'zh' else 'Subject: '}{_capital(subject)}\n\n{written.opening}"
        )
    return written


def _main(matter: Phrases, language: str, channel: str, rng: Random) -> str:
    """Choose how to say the matter; of the few Chinese messages, fewer are hard."""
    short = {"chat": 0.3, "web_form": 0.08}.get(channel, 0.03)
    hard = HARD[language]
    draw = rng.random()
    if draw < short:
        return rng.choice(matter.short)
    return rng.choice(matter.hard if draw < short + hard else matter.core)


def _around(writer: Writer, matter: Phrases, main: str, channel: str, slots: Slots, rng: Random) -> list[str]:
    """Put sentences that are not needed before and after the main one."""
    chinese, wordy = writer.language == "zh", writer.wordy * (0.35 if channel == "chat" else 1.0)
    said = [main]
    if rng.random() < wordy * (0.3 if chinese else 0.8):
        said.insert(0, slots.say(rng.choice(zh.CONTEXTS_ZH if chinese else en.CONTEXTS)))
    for _ in range(2):
        if rng.random() < wordy:
            extra = slots.say(rng.choice(matter.detail))
            if extra not in said:
                said.append(extra)
    if rng.random() < wordy * (0.3 if chinese else 0.6):
        said.append(slots.say(rng.choice(zh.MOODS_ZH if chinese else en.MOODS)))
    if rng.random() < wordy * (0.5 if chinese else 1.0):
        said.append(slots.say(rng.choice(zh.ASKS_ZH if chinese else matter.ask)))
    return said


def _with_topic_before(writer: Writer, main: str, second: str, rng: Random) -> str:
    if writer.language == "zh":
        return rng.choice(zh.FIRST_TOPIC_ZH).format(other=second.rstrip("？，。"), main=main)
    return rng.choice(en.FIRST_TOPIC).format(other=second, main=main)


def _topic_after(writer: Writer, second: str, rng: Random) -> str:
    lead = rng.choice(zh.SECOND_TOPIC_ZH if writer.language == "zh" else en.SECOND_TOPIC)
    if lead.endswith((", ", "and ")) and not re.match(r"I\b|[A-Z]{2}|Brambleway|PayPal|Apple", second):
        second = second[0].lower() + second[1:]
    return lead + second


def _phone_note(writer: Writer, matter: Phrases, main: str, slots: Slots, rng: Random) -> Draft:
    """Write what an agent notes down: their own words, or the customer's as they heard them."""
    chinese = writer.language == "zh"
    if rng.random() < 0.5:
        said = [slots.say(rng.choice(matter.note))]
    else:
        leads = (
            ("来电：", "客户称：", "电话记录：")
            if chinese
            else ("Customer: ", "Caller says: ", "Voicemail: ", "Call: ")
        )
        said = [rng.choice(leads) + main]
        if rng.random() < 0.5:
            said.append(slots.say(rng.choice(matter.detail)))
    if not chinese and rng.random() < 0.4:
        said.append(slots.say(rng.choice(en.AGENT_TAILS)))
    # Tools disagree on quotes in tab-separated files, so notes hold none.
    said = [sentence.replace('"', "'") for sentence in said]
    return Draft(language=writer.language, joint="；" if chinese else " ", sentences=[_capital(part) for part in said])


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _english(writer: Writer, said: list[str], channel: str, rng: Random) -> Draft:
    chat = channel == "chat"
    said = [re.sub(r"(^|[.?!] )([a-z])", lambda found: found[1] + found[2].upper(), sentence) for sentence in said]
    said = [
        _slips(_habits(writer, sentence, chat, rng), writer.typos * (1.5 if chat else 1.0), rng) for sentence in said
    ]
    written = Draft(language="en", joint=" ", sentences=said)
    if chat:
        if rng.random() < writer.polite * 0.5:
            written.opening = rng.choice(en.CHAT_OPENERS) + rng.choice((" ", "\n", ", ", "! "))
            written.opening = re.sub(r"\?[,!]", "?", written.opening)
        if rng.random() < writer.polite * 0.2:
            written.closing = rng.choice((" thanks", " thx", " 🙂", " please", " 🙏", " 😡"))
        return written
    breath = "\n\n" if channel == "email" else rng.choice((" ", "\n"))
    if channel == "email" and len(said) > 3 and rng.random() < 0.4:
        written.joint = "\n"
    if rng.random() < writer.polite * (0.9 if channel == "email" else 0.4):
        written.opening = rng.choice(en.GREETINGS) + breath
    if rng.random() < writer.polite * (0.8 if channel == "email" else 0.3):
        written.closing = breath + rng.choice(en.CLOSINGS)
    return written


def _habits(writer: Writer, sentence: str, chat: bool, rng: Random) -> str:
    if writer.loud and sentence.endswith(".") and rng.random() < 0.5:
        sentence = sentence[:-1] + rng.choice(("!", "!!", "!!!"))
    if writer.sloppy:
        for proper, short in _SLOPPY.items():
            if rng.random() < 0.7:
                sentence = re.sub(rf"(?<![^\W_]){proper}\b" if proper[0] != "n" else proper, short, sentence)
    if (writer.sloppy or chat) and rng.random() < 0.5:
        sentence = sentence.rstrip(".")
    if writer.lower or (chat and rng.random() < 0.3):
        sentence = re.sub(
            r"[^\W\d]+",
            lambda found: found[0] if found[0].isupper() and len(found[0]) > 1 else found[0].lower(),
            sentence,
        )
    if writer.curly:
        sentence = curl(sentence)
    return sentence


def curl(text: str) -> str:
    """Set typographic quotes and dashes.

    >>> curl('It\\'s "paid" - really')
    'It’s “paid” – really'
    """
    text = re.sub(r'"([^"]*)"', r"“\1”", text.replace("'", "’"))
    return text.replace(" - ", " – ")


def _slips(sentence: str, chance: float, rng: Random) -> str:
    """Mistype plain words: two letters swapped, one left out, one doubled."""

    def slip(found: re.Match[str]) -> str:
        word = found[0]
        if rng.random() >= chance:
            return word
        place, how = rng.randrange(1, len(word) - 1), rng.randrange(3)
        if how == 0:
            return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        return word[:place] + (word[place] * 2 if how == 1 else "") + word[place + 1 :]

    return _PLAIN_WORD.sub(slip, sentence) if chance else sentence


def _chinese(writer: Writer, said: list[str], channel: str, rng: Random) -> Draft:
    if writer.loud:
        said = [sentence.replace("？", rng.choice(("？？", "？！", "？"))) for sentence in said]
    joint = rng.choice(("，", "，", "。", " ") if channel != "chat" else ("，", " ", " ", "\n"))
    said = [sentence.rstrip("，") for sentence in said]
    if joint in "，。":
        said = [f"{sentence}{'' if sentence[-1] in '？！' else joint}" for sentence in said[:-1]] + said[-1:]
        joint = ""
    written = Draft(language="zh", joint=joint, sentences=said)
    chat = channel == "chat"
    if rng.random() < writer.polite * (0.4 if chat else 0.7):
        lead = rng.choice(zh.CHAT_OPENERS_ZH if chat else zh.GREETINGS_ZH)
        written.opening = lead + ("" if lead.endswith(("，", "：", "！")) else rng.choice((" ", "，")))
    if rng.random() < writer.polite * (0.2 if chat else 0.6):
        written.closing = rng.choice(("。", "，", "\n", " ")) + rng.choice(zh.CLOSINGS_ZH)
        if said[-1][-1] in "？！":
            written.closing = written.closing.lstrip("。，")
    elif not chat and said[-1][-1] not in "？！。" and rng.random() < 0.5:
        written.closing = "。"
    return written
