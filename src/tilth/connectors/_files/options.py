"""Refuse options of `files` that cannot be meant, before anything is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tilth.connectors._cells import WORDS
from tilth.connectors._files.formats import FORMATS
from tilth.connectors._files.tags import SCHEMES
from tilth.core.batch import SPLITS
from tilth.core.errors import RecipeError, did_you_mean

if TYPE_CHECKING:
    from tilth.connectors.files import Files


def check(files: Files) -> None:
    """Raise `RecipeError` for the first option that cannot be meant."""

    def refuse(option: str, what: str, wanted: str, do: str | None = None) -> None:
        raise RecipeError(what, where=f"files.{option}", wanted=wanted, do=do)

    if not files.path or "\0" in files.path:
        refuse("path", "no path", "a file, a folder or a glob")
    if files.format is not None and files.format not in FORMATS:
        refuse(
            "format", f'no format "{files.format}"', f"one of {', '.join(FORMATS)}", did_you_mean(files.format, FORMATS)
        )
    for option in ("delimiter", "quote"):
        mark = getattr(files, option)
        if mark is not None and (len(mark) > 1 or mark in ("\n", "\r") or (option == "delimiter" and not mark)):
            refuse(option, f"{mark!r} cannot be used", "one character")
    if files.delimiter is not None and files.delimiter in (files.quote if files.quote is not None else '"'):
        refuse("delimiter", "the same character as the quotation mark", "another one")
    if files.encoding is not None:
        try:
            b"\n\0\0\0".decode(files.encoding, "replace")
        except LookupError:
            refuse("encoding", f'no encoding "{files.encoding}"', "one that Python knows, such as utf-8 or gb18030")
    for column, word in (files.types or {}).items():
        if word not in WORDS:
            refuse(f"types.{column}", f'no type "{word}"', f"one of {', '.join(WORDS)}", did_you_mean(word, WORDS))
    if files.scheme not in SCHEMES:
        refuse("scheme", f'no scheme "{files.scheme}"', f"one of {', '.join(SCHEMES)}")
    for option in ("names", "token_columns"):
        given = getattr(files, option)
        if given is not None and (not given or len(set(given)) < len(given) or not all(given)):
            refuse(option, "an empty or repeated name", "names that differ")
    if files.split not in (None, *SPLITS):
        refuse("split", f'no split "{files.split}"', f"one of {', '.join(SPLITS)}", did_you_mean(files.split, SPLITS))
    if files.max_record_bytes < 1:
        refuse("max_record_bytes", f"{files.max_record_bytes} bytes hold no record", "1 or more")
