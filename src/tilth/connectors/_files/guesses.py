"""Guess from a look at the columns what a data set is for: its task, its text, label, key, group and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tilth.connectors._cells import STAY_TEXT, words_of

TEXT_WORDS = frozenset(
    (
        *("text", "body", "message", "content", "review", "sentence", "question", "comment", "description", "tweet"),
        *("utterance", "query", "post", "document", "ticket", "title", "subject", "summary", "input", "prompt"),
        *("文本", "内容", "评论", "标题", "正文", "句子", "问题"),
    )
)
LABEL_WORDS = frozenset(
    (
        *("label", "labels", "class", "classes", "category", "categories", "intent", "target", "sentiment", "topic"),
        *("topics", "tags", "y", "spam", "polarity", "rating", "cat", "type", "标签", "类别", "分类", "情感", "意图"),
    )
)
GROUP_WORDS = frozenset(
    (
        *("customer", "user", "author", "client", "account", "patient", "session", "conversation", "thread", "group"),
        *("doc", "document", "speaker", "member", "household", "company", "organisation", "organization", "sender"),
        *("客户", "用户", "作者", "会话"),
    )
)
TIME_WORDS = frozenset(("date", "time", "timestamp", "created", "updated", "at", "on", "when", "day", "日期", "时间"))
OTHER_WORDS = frozenset(("language", "lang", "channel", "source", "split", "country", "region", "encoding", "licence"))
"""Columns with few values that are rarely what one wants to predict."""
MOST_CLASSES = 500


@dataclass(frozen=True, kw_only=True)
class Column:
    """What the sampled rows say of a column."""

    name: str
    type: str
    """string, int, float, bool, timestamp, list of strings, or what Arrow calls it."""
    rows: int
    null_share: float
    distinct: int
    """How many different values the sampled rows hold."""
    mean_length: float
    """In characters; of a list, in elements."""
    lengths: tuple[int, ...]
    """The shortest, the quartiles and the longest."""
    values: dict[str, int] = field(default_factory=dict)
    """How often each value comes, where there are few; of a list, each element."""
    tag_share: float = 0.0
    """Of a list: how many of its elements look like entity tags (B-PER, O)."""
    time_share: float = 0.0
    """How many values are times."""
    weight: float = 0.0
    """The mean length in letters of a Latin script: a Chinese character counts 2.5."""

    @property
    def filled(self) -> int:
        """How many rows have a value."""
        return self.rows - round(self.rows * self.null_share)

    @property
    def words(self) -> frozenset[str]:
        """The words of the name."""
        return frozenset(words_of(self.name)) | {self.name}

    @property
    def last(self) -> str:
        """The last word of the name."""
        return (words_of(self.name) or [self.name])[-1]


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A column, or a task, and why."""

    value: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Guesses:
    """What a recipe for these rows could say."""

    task: Guess | None = None
    kind: Literal["single", "multi", "tokens"] | None = None
    """One label a row, several, or one a token."""
    text: Guess | None = None
    label: Guess | None = None
    key: Guess | None = None
    group: Guess | None = None
    time: Guess | None = None
    separator: str | None = None
    """What parts the labels of a row where they stand in one text."""


def guessed(columns: Sequence[Column], same_length: Callable[[str, str], bool], *, all_rows: bool = True) -> Guesses:
    """Guess what each column is for.

    `same_length` tells whether two columns of lists are as long as each other in each row; `all_rows`, whether the
    columns were seen whole.
    """
    time, key = _time(columns), _key(columns)
    group = _group([column for column in columns if not key or column.name != key.value])
    found = _tags(columns, same_length)
    if found:
        tokens, tags = found
        task = Guess(value="token_classification", reason=f'"{tags.value}" has a tag for each of "{tokens.value}"')
        return Guesses(task=task, kind="tokens", text=tokens, label=tags, key=key, group=group, time=time)
    text = _text(columns)
    taken = {guess.value for guess in (text, key, group, time) if guess}
    left = [column for column in columns if column.name not in taken]
    several, separator = _labels(left)
    label = several or _label(left, columns, all_rows=all_rows)
    guesses = Guesses(text=text, label=label, key=key, group=group, time=time, separator=separator)
    if not text or not label:
        return guesses
    how = "several labels" if several else "one label"
    why = f'a text ("{text.value}") and {how} ("{label.value}") a row'
    return replace(guesses, task=Guess(value="text_classification", reason=why), kind="multi" if several else "single")


def _text(columns: Sequence[Column]) -> Guess | None:
    candidates = [
        column
        for column in columns
        if column.type == "string"
        and column.weight >= 8
        and column.distinct * 2 > column.filled
        and column.time_share < 0.5
    ]
    if not candidates:
        return None
    best = max(candidates, key=lambda column: min(column.weight, 500) * (3 if column.words & TEXT_WORDS else 1))
    return Guess(
        value=best.name,
        reason=f"free text: {best.mean_length:.0f} characters on average, {best.distinct} of {best.filled} differ",
    )


def _label(columns: Sequence[Column], all_columns: Sequence[Column], *, all_rows: bool) -> Guess | None:
    best, score = None, 0.0
    for column in columns:
        named = bool(column.words & LABEL_WORDS) or column.name.startswith("is_")
        # Rows sorted by label show one value at first. Without a telling name, a column among many is a feature.
        fewest = 1 if named and not all_rows else 2
        may_be = named or len(all_columns) <= 3 or column.name.startswith("column_")
        fits = column.type in ("string", "int", "bool") and fewest <= column.distinct <= column.filled / 2
        if (
            not may_be
            or not fits
            or column.distinct > MOST_CLASSES
            or column.null_share > 0.5
            or column.mean_length > 60
        ):
            continue
        points = 1.0 + 3 * named - 2 * (bool(column.words & OTHER_WORDS) or column.last in STAY_TEXT)
        points += 0.5 * (column is all_columns[-1]) + 0.5 * (column.type != "int") - column.distinct / MOST_CLASSES
        if points > score:
            best, score = column, points
    if best is None:
        return None
    sorted_rows = "; the rows may be sorted by it" if best.distinct == 1 else ""
    return Guess(value=best.name, reason=f"{best.distinct} values in {best.filled} rows{sorted_rows}")


def _labels(columns: Sequence[Column]) -> tuple[Guess | None, str | None]:
    """Find a column with several labels a row: a list, or a text with a separator."""
    for column in columns:
        few = 2 <= len(column.values) <= min(MOST_CLASSES, column.filled)
        if column.type == "list of strings" and few and column.tag_share < 0.9:
            return Guess(value=column.name, reason=f"lists of {len(column.values)} different labels"), None
    for column in columns:
        if column.type != "string" or not column.values or not column.words & LABEL_WORDS:
            continue
        for separator in ("|", ";", ","):
            parts = {part.strip() for value in column.values for part in value.split(separator)}
            several = sum(count for value, count in column.values.items() if separator in value)
            if several >= 0.05 * column.filled and len(parts) < len(column.values) and "" not in parts:
                reason = f'{len(parts)} labels, several a row, parted by "{separator}"'
                return Guess(value=column.name, reason=reason), separator
    return None, None


def _tags(columns: Sequence[Column], same_length: Callable[[str, str], bool]) -> tuple[Guess, Guess] | None:
    lists = [column for column in columns if column.type == "list of strings"]
    tagged = [column for column in lists if column.tag_share >= 0.9 or (column.words & {"tags", "ner", "pos"})]
    tagged.sort(key=lambda column: (column.name != "tags", -column.tag_share))
    for tags in tagged:
        for tokens in lists:
            if tokens.tag_share < tags.tag_share and same_length(tokens.name, tags.name):
                return (
                    Guess(value=tokens.name, reason=f'lists as long as those of "{tags.name}"'),
                    Guess(value=tags.name, reason=f"lists of {len(tags.values)} different tags"),
                )
    return None


def _key(columns: Sequence[Column]) -> Guess | None:
    for exact in (True, False):
        for column in columns:
            named = column.name.lower() in ("id", "key", "uuid", "guid") if exact else column.last in STAY_TEXT
            unique = column.null_share == 0 and column.distinct == column.rows > 1
            if named and unique and column.type in ("string", "int"):
                return Guess(value=column.name, reason=f"no value is empty or comes twice in {column.rows} rows")
    return None


def _group(columns: Sequence[Column]) -> Guess | None:
    for column in columns:
        repeats = 1 < column.distinct < column.filled
        if column.words & GROUP_WORDS and repeats and column.mean_length <= 60 and "list" not in column.type:
            reason = f"{column.distinct} values over {column.filled} rows: rows of one belong in one split"
            return Guess(value=column.name, reason=reason)
    return None


def _time(columns: Sequence[Column]) -> Guess | None:
    times = [column for column in columns if column.time_share >= 0.95 and column.filled]
    times.sort(key=lambda column: not column.words & TIME_WORDS)
    return Guess(value=times[0].name, reason="its values are times") if times else None
