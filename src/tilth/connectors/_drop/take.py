"""Take what is whole: wait for it, fetch, check, judge, keep, and tell the partner; after a kill it goes on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tilth.connectors._archive.unpack import fits
from tilth.connectors._drop import manifest as manifests
from tilth.connectors._drop.book import Book, Delivery
from tilth.connectors._drop.judge import Verdict
from tilth.connectors._drop.place import Fetched, Place, There
from tilth.core.connector import Landing
from tilth.core.errors import DataError, Stopped
from tilth.core.retry import persistent

RECEIPT, REPORT = ".receipt.json", ".report.json"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The agreement with the partner."""

    pattern: str
    manifest: str | None
    settle: float
    quarantine: str | None
    receipt: str | None
    max_bytes: int
    bad_rows: float
    digest: str
    """Names what a file is judged by."""
    judge: Callable[[Path], Verdict]


class Taker:
    """One landing."""

    def __init__(self, place: Place, rules: Rules, landing: Landing, book: Book) -> None:
        self.place, self.rules, self.landing, self.book = place, rules, landing, book
        self.files, self.work = landing.folder / "files", landing.folder / "_work"
        self.files.mkdir(exist_ok=True)
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()

    def take(self) -> None:
        """Take all that is whole and not taken yet."""
        written = [folder.strip("/") for folder in (self.rules.quarantine, self.rules.receipt) if folder]
        persistent(lambda: self.place.tidy(written), stop=self.landing.stop)
        self._tell_partner()
        for there, listed in self._whole():
            if self.landing.stop():
                raise Stopped("stopped between two deliveries", do="Run again: those before it are kept.")
            before = self.book.last(there.name)
            again = before is not None and before.status == "refused" and before.rules != self.rules.digest
            if before is None or before.state != _state(there, listed) or again:
                self._one(there, listed)
                self._tell_partner()

    def _whole(self) -> Iterator[tuple[There, manifests.Listed | None]]:
        """Yield the files that are whole: promised by a manifest and as long as it says, or not changed for a while."""
        if self.rules.manifest is not None:
            yield from self._promised()
            return
        waiting = self._unsettled(self._data())
        if waiting and self.rules.settle:
            self.landing.tell(f"waiting {self.rules.settle:.0f} s to see whether {len(waiting)} files still change")
            self._sleep(self.rules.settle)
        there = self._data()
        late = {one.name for one in self._unsettled(there)}
        for one in there:
            if one.name in late:
                self.landing.tell(f"{one.name}: still changing; it is looked at again at the next run")
            else:
                yield one, None

    def _unsettled(self, there: list[There]) -> list[There]:
        now, settle = time.time(), self.rules.settle
        found = []
        for one in there:
            since = self.book.unchanged_since(one.name, one.state, now)
            old = one.modified is not None and now - one.modified >= settle
            if not old and now - since < settle:
                found.append(one)
        return found

    def _promised(self) -> Iterator[tuple[There, manifests.Listed]]:
        here = {one.name: one for one in self._all()}
        promised: dict[str, manifests.Listed] = {}
        for name in sorted(here):
            if not fits(name, self.rules.manifest or ""):
                continue
            try:
                promised |= {one.name: one for one in self._manifest(here[name])}
            except DataError as error:
                self.landing.tell(f"{name}: {error.what}; its files are looked at again at the next run")
        for name, listed in sorted(promised.items()):
            there = here.get(name)
            if there is None or (listed.bytes is not None and there.size != listed.bytes):
                before = self.book.last(name)
                if there is not None or before is None or before.sha256 != listed.sha256:
                    what = "is promised and not there" if there is None else f"has {there.size} of {listed.bytes} bytes"
                    self.landing.tell(f"{name} {what}; it is looked at again at the next run")
            elif fits(name, self.rules.pattern):
                yield there, listed

    def _manifest(self, there: There) -> list[manifests.Listed]:
        path = self.work / "manifest"
        persistent(lambda: self.place.fetch(there.name, path, most=manifests.MOST), stop=self.landing.stop)
        return manifests.listed(path.read_bytes(), there.name)

    def _data(self) -> list[There]:
        return [one for one in self._all() if fits(one.name, self.rules.pattern)]

    def _all(self) -> list[There]:
        """List what the partner dropped: not what we wrote ourselves, no hidden names."""
        own = tuple(f"{folder.strip('/')}/" for folder in (self.rules.quarantine, self.rules.receipt) if folder)
        found = persistent(self.place.list, stop=self.landing.stop)
        return [
            one
            for one in found
            if not one.name.startswith(own or ("\0",))
            and not one.name.endswith((RECEIPT, REPORT))
            and not any(step.startswith((".", "_")) for step in one.name.split("/"))
        ]

    def _one(self, there: There, listed: manifests.Listed | None) -> None:
        """Fetch a file, judge it and note what became of it."""
        path = self.work / "fetched" / there.name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            most = self.rules.max_bytes
            got = persistent(lambda: self.place.fetch(there.name, path, most=most), stop=self.landing.stop)
        except DataError as error:
            self._note(there, listed, Fetched(there.size, ""), "refused", Verdict(), [_breach(error.what)])
            return
        if got.bytes != there.size or self._moved(there):
            self.landing.tell(f"{there.name}: changed while it was fetched; it is looked at again at the next run")
        elif listed is not None and got.sha256 != listed.sha256:
            self._refuse(there, listed, got, path, Verdict(), [_breach("another checksum than the manifest says")])
        elif (other := self.book.current(got.sha256)) is not None:
            self._note(
                there, listed, got, "duplicate", Verdict(), [_breach(f"the same bytes as {other}, which was taken")]
            )
        else:
            verdict = self.rules.judge(path)
            if verdict.breaches and (not verdict.rows or verdict.broken > self.rules.bad_rows * verdict.rows):
                self._refuse(there, listed, got, path, verdict, verdict.breaches)
            else:
                self._accept(there, listed, got, path, verdict)

    def _moved(self, there: There) -> bool:
        return persistent(lambda: self.place.look(there.name), stop=self.landing.stop) != there

    def _accept(
        self, there: There, listed: manifests.Listed | None, got: Fetched, path: Path, verdict: Verdict
    ) -> None:
        # A time made of the content: `files` knows a large file again by size, time and a sample.
        stamp = int(got.sha256[:8], 16) * 10**9
        os.utime(path, ns=(stamp, stamp))
        target = self.files / there.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        self._note(there, listed, got, "accepted", verdict, verdict.breaches)

    def _refuse(
        self,
        there: There,
        listed: manifests.Listed | None,
        got: Fetched,
        path: Path,
        verdict: Verdict,
        breaches: list[dict[str, Any]],
    ) -> None:
        held = self._held(got.sha256)
        held.parent.mkdir(exist_ok=True)
        path.replace(held)
        self._note(there, listed, got, "refused", verdict, breaches)

    def _held(self, sha256: str) -> Path:
        return self.landing.folder / "quarantine" / sha256

    def _note(
        self,
        there: There,
        listed: manifests.Listed | None,
        got: Fetched,
        status: str,
        verdict: Verdict,
        breaches: list[dict[str, Any]],
    ) -> None:
        receipt = {
            "file": there.name,
            "status": status,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "bytes": got.bytes,
            "sha256": got.sha256,
            "rows": verdict.rows,
            "rows_set_aside": verdict.broken if status == "accepted" else 0,
            "columns": verdict.columns,
            "version": self.book.versions(there.name) + (status == "accepted"),
            "reasons": breaches,
        }
        self.book.keep(there.name, _state(there, listed), got.sha256, status, self.rules.digest, receipt)
        reason = f": {breaches[0]['what']}" if breaches else ""
        self.landing.tell(f"{there.name} {status}{reason}, {verdict.rows} rows")

    def _tell_partner(self) -> None:
        """Write the receipts that are due, and put what was refused aside."""
        for delivery in self.book.untold():
            if delivery.status == "refused" and delivery.sha256:
                self._put_aside(delivery)
            if self.rules.receipt:
                self._put(f"{self.rules.receipt.strip('/')}/{delivery.name}{RECEIPT}", delivery.receipt)
            self.book.tell(delivery)

    def _put_aside(self, delivery: Delivery) -> None:
        """Move a refused file to the quarantine, with a report; the partner's own goes only if it is still the same."""
        held, folder = self._held(delivery.sha256), self.rules.quarantine
        if folder and held.exists():
            target = f"{folder.strip('/')}/{delivery.name}"
            persistent(lambda: self.place.put(target, held), stop=self.landing.stop)
            self._put(f"{target}{REPORT}", delivery.receipt)
            there = persistent(lambda: self.place.look(delivery.name), stop=self.landing.stop)
            if there is not None and there.state == delivery.state.partition("|")[0]:
                persistent(lambda: self.place.delete(delivery.name), stop=self.landing.stop)
            held.unlink()

    def _put(self, name: str, value: Mapping[str, Any]) -> None:
        path = self.work / "told"
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        persistent(lambda: self.place.put(name, path), stop=self.landing.stop)

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.landing.stop():
                raise Stopped("stopped while waiting for files to settle", do="Run again.")
            time.sleep(min(left, 0.2))


def take(place: Place, rules: Rules, landing: Landing) -> tuple[Path, frozenset[str]]:
    """Take what is due; return the folder of all accepted files, of each name the newest, and all their columns."""
    with closing(Book(landing.folder / "state.db")) as book:
        taker = Taker(place, rules, landing, book)
        try:
            if landing.refresh:
                taker.take()
        finally:
            shutil.rmtree(taker.work, ignore_errors=True)
        return taker.files, book.columns()


def _state(there: There, listed: manifests.Listed | None) -> str:
    """Name how a file lay there and what was promised: SFTP servers tell times by the minute."""
    return f"{there.state}|{listed.sha256 if listed else ''}"


def digest_of(value: Any) -> str:
    """Name an agreement."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()


def _breach(what: str) -> dict[str, Any]:
    return {"what": what, "where": "the file", "wanted": "the file as it was promised"}
