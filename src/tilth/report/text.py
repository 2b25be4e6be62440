"""Write the last screen of a run: what came in, what went, how good it is, where it lies."""

from __future__ import annotations

from collections.abc import Iterator

from tilth.report import reading, words
from tilth.report.summary import Summary

LINES = 25
WIDTH = 110


def terminal(summary: Summary) -> str:
    r"""Return plain text, at most 25 lines; characters that a terminal would obey are made visible.

    >>> accounts = {"rows_in": 3, "kept": 2, "dropped": 1}
    >>> print(terminal(Summary(run="r1", name="demo", accounts=accounts)))
    demo  run r1
    <BLANKLINE>
      rows in            3
      rejected           0  every record could be read
      dropped            1
      failed             0
      kept               2  66.7% of the rows in
    """
    blocks = [list(block) for block in (_rows(summary), _figures(summary), _places(summary))]
    told = reading.notices(summary)
    # Warnings give way to each other, never to the figures: what does not fit is counted.
    room = max(LINES - 2 - sum(len(block) + 1 for block in blocks if block), 1)
    shown = told if len(told) <= room else [*told[: room - 1], f"{len(told) - room + 1} more, in the report"]
    blocks.insert(2, [f"  ! {line}" for line in shown])
    text = [_fit(_title(summary))]
    for at, block in enumerate(blocks):
        if block:
            text += ["", *(words.clean(line) if at == len(blocks) - 1 else _fit(line) for line in block)]
    return "\n".join(text)


def _title(summary: Summary) -> str:
    parts = [summary.name, f"run {summary.run}"]
    if summary.seconds:
        parts.append(words.duration(summary.seconds))
    if summary.sample is not None:
        parts.append(f"SAMPLE of {words.count(summary.sample)} rows a source, not the full data")
    return "  ".join(parts)


def _rows(summary: Summary) -> Iterator[str]:
    accounts = summary.accounts
    if not accounts and not summary.sources:
        return
    rows_in = accounts.get("rows_in", sum(source.rows for source in summary.sources))
    rejected = sum(source.rejected for source in summary.sources)
    bad = ", ".join(f"{line.name} {words.count(line.rejected)}" for line in summary.sources if line.rejected)
    sources = words.plural(len(summary.sources), "source") if summary.sources else ""
    yield _line("rows in", rows_in, sources)
    yield _line("rejected", rejected, f"could not be read: {bad}" if rejected else "every record could be read")
    for name, what in (("expanded", "expanded"), ("grown", "grown")):
        if accounts.get(name):
            yield _line(what, accounts[name], _by_step(summary, name))
    yield _line("dropped", accounts.get("dropped", 0), _by_step(summary, "dropped"))
    unread = [f"the {words.count(rejected)} unreadable"] if rejected else []
    yield _line("failed", accounts.get("failed", 0), ", ".join(filter(None, [*unread, _by_step(summary, "failed")])))
    kept = [reading.stayed(accounts)]
    if summary.split:
        counts = summary.split.counts
        kept.append(", ".join(f"{name} {words.count(counts[name])}" for name in counts))
    yield _line("kept", accounts.get("kept", 0), "; ".join(filter(None, kept)))


def _by_step(summary: Summary, name: str) -> str:
    found = [(getattr(step, name), step.operator) for step in summary.steps if getattr(step, name)]
    told = [f"{operator} {words.count(rows)}" for rows, operator in sorted(found, key=lambda pair: -abs(pair[0]))]
    return ", ".join(told[:5]) + (f", {len(told) - 5} more steps" if len(told) > 5 else "")


def _figures(summary: Summary) -> Iterator[str]:
    found = summary.evaluation
    judged = reading.verdict(found) if found else None
    if not found or not judged:
        return
    about = [] if judged.low is None else [words.between(judged.low, judged.high)]
    if found.rows:
        about.append(f"{words.plural(found.rows, 'test row')}, {words.ordinal(found.test_looks)} look")
    yield _line(words.heading(judged.metric), words.figure(judged.value), "  ".join(about))
    if judged.baseline is not None:
        gain = {"better": "clearly better", "unclear": "NOT clearly better", "worse": "WORSE"}[judged.kind]
        yield _line("best baseline", words.figure(judged.other), f"{judged.baseline}; the model is {gain}")


def _places(summary: Summary) -> Iterator[str]:
    for sink in summary.sinks:
        rows = f"{words.count(sink.rows)} rows, version {sink.version}, {sink.status}"
        yield f"  {'stored':<8}{sink.kind} {sink.where}: {rows}"
    for name, place in (("report", summary.report), ("model", summary.model), ("serve", summary.serve)):
        if place:
            yield f"  {name:<8}{place}"


def _line(name: str, value: int | str, about: str = "") -> str:
    number = value if isinstance(value, str) else words.count(value)
    return f"  {name:<13} {number:>10}  {about}".rstrip()


def _fit(line: str) -> str:
    line = words.clean(line).replace("\n", " ").replace("\t", " ")
    if words.columns(line) <= WIDTH:
        return line
    kept = ""
    for char in line:
        if words.columns(kept + char) >= WIDTH:
            break
        kept += char
    return f"{kept}…"
