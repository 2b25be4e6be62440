"""Lay out a project's folder: where its tables, models and runs lie, its format, its salt."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tilth.bytes.opening import open_store
from tilth.core.batch import keyed_hash
from tilth.core.errors import DataError
from tilth.core.secret import shown_url
from tilth.tables import _folder
from tilth.tables.fates import Fates
from tilth.tables.lineage import Lineage, Uses
from tilth.tables.splits import SplitTable
from tilth.tables.table import Table

FORMAT = 1
"""The layout that this version of Tilth writes; it reads no newer one."""
TABLE_FOLDERS = ("data", "fates", "splits", "decisions", "quarantine")
"""The folders that hold one table a data set."""
_SALT_BYTES = 32
_LAKE = "lake"
_MARK = "tilth.json"
_STAMP = "%Y%m%d-%H%M%S"


@dataclass(frozen=True)
class Project:
    """A folder with a recipe, and `.tilth/` with what came of it; picklable. Nothing is created before it is needed.

        .tilth/format                      {"format": 1}
        .tilth/salt                        32 random bytes that row ids are keyed with; readable by the owner only
        .tilth/data/<name>/                the rows, a Delta table; likewise fates/, splits/, decisions/, quarantine/
        .tilth/lineage/, .tilth/uses/      Delta tables for the whole project
        .tilth/models/<name>/<version>/
        .tilth/runs/<run>/
        .tilth/stages/

    A project may have its tables in a *lake* (`lay`): a bucket, HDFS or a shared folder, which other machines reach.

    >>> import tempfile
    >>> project = Project(tempfile.mkdtemp())
    >>> project.table("tickets").name
    'data/tickets'
    """

    root: str

    def __post_init__(self) -> None:
        self._refuse_newer()

    @property
    def folder(self) -> Path:
        """`.tilth`, beside the recipe."""
        return _folder.local(self.root) / ".tilth"

    @property
    def salt(self) -> bytes:
        """The project's salt, created on first use; whoever is first, all see the same."""
        path = self._ready() / "salt"
        if not path.is_file():
            _folder.claim(path, secrets.token_bytes(_SALT_BYTES), mode=0o600)
        salt = path.read_bytes()
        if len(salt) != _SALT_BYTES:
            raise DataError(
                f"{path} holds {len(salt)} bytes",
                wanted=f"the {_SALT_BYTES} that were written",
                do="Restore it from a backup: with another salt every row gets a new id",
            )
        return salt

    @property
    def lake(self) -> str | None:
        """The folder or URL where the tables lie, if that is not `.tilth` itself."""
        path = self.folder / _LAKE
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def lay(self, lake: str) -> None:
        """Put the project's tables into a lake, from the first run on.

        Raises `DataError` where the project has tables elsewhere, or the lake holds another project's.
        """
        lake = lake.rstrip("/")
        there = self.lake
        if there is None:
            if self.tables():
                raise _elsewhere(shown_url(lake), "has its tables in .tilth already")
            self._mark(lake)
            _folder.claim(self._ready() / _LAKE, lake.encode())
            there = self.lake
        if there != lake:
            raise _elsewhere(shown_url(lake), f"has its tables in {shown_url(str(there))}")

    def _mark(self, lake: str) -> None:
        """Say in the lake whose it is, if nobody has."""
        store = open_store(lake)
        mine = json.dumps({"format": FORMAT, "project": keyed_hash(self.salt, "lake")}).encode()
        if store.create(_MARK, mine) or store.read(_MARK) == mine:
            return
        raise DataError(
            "the lake holds another project's tables", where=shown_url(lake), wanted="a folder of its own",
            do="Choose another, or copy that project's .tilth/salt here first: row ids depend on it.",
        )  # fmt: skip

    def table(self, name: str) -> Table:
        """Return the rows of a data set."""
        return self._table("data", name)

    def acquired(self, name: str) -> Table:
        """Return the rows of a data set as they came: each run reads them several times, so they unpack quickly."""
        return replace(self._table("data", f"{name}.acquired"), codec="lz4")

    def decisions(self, name: str) -> Table:
        """Return a decision table: what was decided about rows by comparing them."""
        return self._table("decisions", name)

    def quarantine(self, name: str) -> Table:
        """Return the rows of a data set that broke what was agreed about their source, with the reasons."""
        return self._table("quarantine", name)

    def fates(self, name: str) -> Fates:
        """Return what became of the rows of a data set."""
        return Fates(self._table("fates", name))

    def splits(self, name: str) -> SplitTable:
        """Return which split each row of a data set is in."""
        return SplitTable(self._table("splits", name))

    @property
    def lineage(self) -> Lineage:
        """Which rows were made from which."""
        return Lineage(self._table("lineage"))

    @property
    def uses(self) -> Uses:
        """Which artefact used which rows."""
        return Uses(self._table("uses"))

    @property
    def stages(self) -> Path:
        """Where stages keep what they finished; the folder may not be there yet."""
        return self.folder / "stages"

    def model(self, name: str, version: int) -> Path:
        """Return the folder of a model's version."""
        return self.folder / "models" / _folder.safe_name(name, "a model") / str(version)

    def model_versions(self, name: str) -> list[int]:
        """List the versions of a model that were claimed, oldest first."""
        folder = self.folder / "models" / _folder.safe_name(name, "a model")
        return sorted(int(path.name) for path in _listed(folder) if path.name.isdecimal())

    def new_model(self, name: str) -> int:
        """Claim the next version of a model: its folder is made, empty, for one caller only."""
        self._ready()
        version = max(self.model_versions(name), default=0) + 1
        while not _made(self.model(name, version)):
            version += 1
        return version

    def run(self, run: str) -> Path:
        """Return the folder of a run."""
        return self.folder / "runs" / _folder.safe_name(run, "a run")

    def runs(self) -> list[str]:
        """List the runs, oldest first."""
        return sorted(path.name for path in _listed(self.folder / "runs"))

    def new_run(self, now: datetime | None = None) -> str:
        """Claim a run's id, `YYYYMMDD-HHMMSS-xxxx` in UTC: greater than all before, even if the clock went back."""
        self._ready()
        at = (now or datetime.now(UTC)).strftime(_STAMP)
        number = 0
        latest = self.runs()[-1:]
        if latest and latest[0][: len(at)] >= at:
            at, number = _after(latest[0])
        while not _made(self.run(f"{at}-{number:04x}")):
            at, number = _after(f"{at}-{number:04x}")
        return f"{at}-{number:04x}"

    def tables(self) -> list[Table]:
        """List all tables that have a folder, of every kind."""
        places = self._places()
        found = [self._table(kind, name) for kind in TABLE_FOLDERS for name in sorted(places.get(kind, ()))]
        return [*found, *(self._table(kind) for kind in ("lineage", "uses") if kind in places)]

    def _places(self) -> dict[str, set[str]]:
        """Name the folders below each kind's."""
        lake = self.lake
        if lake is None:
            return {
                kind: {path.name for path in _listed(self.folder / kind) if path.is_dir()}
                for kind in (*TABLE_FOLDERS, "lineage", "uses")
                if (self.folder / kind).is_dir()
            }
        found: dict[str, set[str]] = {}
        for entry in open_store(lake).list():
            kind, _, rest = entry.path.partition("/")
            name, _, below = rest.partition("/")
            if "_delta_log" in (name, below.partition("/")[0]):
                found.setdefault(kind, set()).add(name)
        return found

    def _table(self, kind: str, name: str | None = None) -> Table:
        base = self.lake or str(self.folder)
        if name is None:
            return Table(f"{base}/{kind}", name=kind)
        return Table(f"{base}/{kind}/{_folder.safe_name(name, 'a data set')}", name=f"{kind}/{name}")

    def _ready(self) -> Path:
        if not (self.folder / "format").is_file():
            _folder.claim(self.folder / "format", json.dumps({"format": FORMAT}).encode())
        self._refuse_newer()
        return self.folder

    def _refuse_newer(self) -> None:
        path = self.folder / "format"
        if not path.is_file():
            return
        try:
            number = int(json.loads(path.read_bytes())["format"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} does not say the project's format", wanted='{"format": 1}') from error
        if number > FORMAT:
            raise DataError(
                f"the project has format {number}",
                where=str(path),
                wanted=f"{FORMAT} or older, which this version of Tilth reads",
                do="Upgrade Tilth: pip install --upgrade tilth",
            )


def _elsewhere(lake: str, why: str) -> DataError:
    return DataError(
        f"the project {why}", where=lake, wanted="one place for good",
        do="Leave `lake:` as it was, or begin another project (--root).",
    )  # fmt: skip


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _made(folder: Path) -> bool:
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _after(run: str) -> tuple[str, int]:
    """Return the second and the number of the next run after one."""
    second, _, number = run.rpartition("-")
    if int(number, 16) < 0xFFFF:
        return second, int(number, 16) + 1
    later = datetime.strptime(second, _STAMP).replace(tzinfo=UTC) + timedelta(seconds=1)
    return later.strftime(_STAMP), 0
