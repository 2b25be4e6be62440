"""Write the pages that are made from code: operators, sources, recipe sections, events, the command line, benchmarks.

`python docs/generate.py` writes them; `--check` fails where a page is not what the code says.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import typer

from tilth.cli._app import build
from tilth.core import events, registry
from tilth.core.connector import Lander, Sink, Source
from tilth.core.edit import Editor
from tilth.core.fold import Fold
from tilth.core.operator import Decider, Filter, Mapper
from tilth.recipe.check import LEARNERS, ROOMS, wanted
from tilth.recipe.sections import SECTIONS

DOCS = Path(__file__).resolve().parent
_SOURCES = (Source, Lander)
MADE = "<!-- Made by `make docs`; edit the code, not this page. -->\n"


def main() -> int:
    """Write or check all pages."""
    pages = {
        "reference/operators.md": parts("Operators", ROOMS["refine"], "An entry under `refine:`, by its name."),
        "reference/sources.md": parts("Sources", ROOMS["acquire"], "An entry under `acquire:`, by its name.", _SOURCES),
        "reference/sinks.md": parts("Sinks", ROOMS["store"], "An entry under `store:`, by its name.", (Sink,)),
        "reference/learners.md": parts("Learners", LEARNERS, "`train:` with `method:` and these options."),
        "reference/recipe.md": sections(),
        "reference/events.md": event_page(),
        "reference/cli.md": commands(),
        "benchmarks.md": benchmarks(),
    }
    stale = []
    for name, text in pages.items():
        path = DOCS / name
        if "--check" in sys.argv:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"docs: not what the code says: {', '.join(stale)}. Run: make docs", file=sys.stderr)
    return 1 if stale else 0


def parts(title: str, room: str, lead: str, protocols: tuple[type, ...] = ()) -> str:
    """Describe every part of a room, or those that are one of the protocols."""
    lines = [MADE, f"# {title}\n", f"{lead}\n"]
    for name in registry.names(room):
        kind = registry.find(room, name)
        if protocols and not any(_is(kind, protocol) for protocol in protocols):
            continue
        lines += [f"## {name}\n", f"*{_kind(kind)}*\n", _prose(kind), "", *_options(kind), ""]
    return "\n".join(lines).rstrip() + "\n"


def sections() -> str:
    """Describe the recipe's sections that are mappings."""
    lines = [MADE, "# Recipe sections\n", "For `acquire:`, `refine:` and `train:` see their own pages.\n"]
    for name, kind in SECTIONS.items():
        lines += [f"## {name}\n", _prose(kind), "", *_options(kind), ""]
    return "\n".join(lines).rstrip() + "\n"


def event_page() -> str:
    """Describe every event."""
    lines = [MADE, "# Events\n", "Typed, per shard and stage; `tilth run --json` prints them as JSON lines.\n"]
    for name, kind in events.KINDS.items():
        fields = ", ".join(f"`{field.name}`" for field in dataclasses.fields(kind)) or "no fields"
        lines += [f"## {name}\n", _prose(kind), "", f"Fields: {fields}.", ""]
    return "\n".join(lines).rstrip() + "\n"


def commands() -> str:
    """Describe the command line."""
    root = typer.main.get_command(build())
    lines = [
        MADE,
        "# Command line\n",
        "Exit codes: 0 done, 1 the run failed, 2 the recipe or the command is wrong, 3 a check fell short.\n",
    ]
    verbs = dict(root.commands)  # type: ignore[attr-defined]
    for name, group in root.commands.items():  # type: ignore[attr-defined]
        # A verb with verbs of its own.
        verbs |= {f"{name} {one}": inner for one, inner in getattr(group, "commands", {}).items()}
    for name, command in verbs.items():
        lines += [f"## tilth {name}\n", f"{command.help}\n"]
        for option in command.params:
            record = (
                ", ".join(getattr(option, "opts", []))
                if option.param_type_name == "option"
                else str(option.name).upper()
            )
            lines.append(f"- `{record}`: {getattr(option, 'help', '') or ''}".rstrip(": "))
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def benchmarks() -> str:
    """Write the table of measured figures from bench/results."""
    lines = [
        MADE,
        "# Benchmarks\n",
        "Each is run with `make bench NAME=x`; the figures are those of the last run that was kept, losses included.",
        "Ratios compare with a peer in the same run on the same machine; the settings lie beside them in `bench/results/`.\n",
    ]
    for path in sorted((DOCS.parent / "bench" / "results").glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        lines += [f"## {path.stem}\n", f"{found.get('what', '')}\n", "| figure | value |", "| --- | --- |"]
        lines += [f"| {name} | {_shown(value)} |" for name, value in found.get("keys", {}).items()]
        if found.get("machine"):
            lines += ["", f"Machine: {found['machine']}. Date: {found.get('date', '')}."]
        lines += [f"\n{note}" for note in found.get("notes", [])]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _kind(kind: type) -> str:
    words = [
        word
        for protocol, word in (
            (Mapper, "changes rows"),
            (Filter, "drops rows"),
            (Decider, "compares rows with one another"),
            (Editor, "cuts out of texts what other rows hold too"),
            (Fold, "learns from train rows, then changes or drops rows"),
            (Source, "reads on workers, in shards"),
            (Lander, "lands in the project first, on the driver"),
            (Sink, "writes on workers, commits in one act"),
        )
        if _is(kind, protocol)
    ]
    return "; ".join(words) or "part"


def _is(kind: type, protocol: type) -> bool:
    return all(hasattr(kind, name) for name in _methods(protocol))


def _methods(protocol: type) -> list[str]:
    return [name for name, value in vars(protocol).items() if inspect.isfunction(value) and not name.startswith("_")]


def _prose(kind: type) -> str:
    text = inspect.cleandoc(kind.__doc__ or "")
    lines, in_example = [], False
    for line in text.splitlines():
        if line.startswith(">>>") and not in_example:
            lines.append("```python")
            in_example = True
        elif in_example and not line.strip():
            lines.append("```")
            in_example = False
        lines.append(line)
    if in_example:
        lines.append("```")
    return "\n".join(lines)


def _options(kind: type) -> list[str]:
    options = registry.options(kind)
    if not options:
        return []
    lines = ["| option | takes | default | what it does |", "| --- | --- | --- | --- |"]
    for option in options:
        default = "must be given" if option.required else f"`{json.dumps(_plain(option.default), ensure_ascii=False)}`"
        help_text = " ".join(option.help.split()).replace("|", "\\|")
        lines.append(f"| `{option.name}` | {wanted(option.type)} | {default} | {help_text} |")
    return lines


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else dict(value) if hasattr(value, "items") else value


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
