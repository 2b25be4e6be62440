"""`examples/everywhere.yaml`, run: MySQL, MongoDB, a bucket, an API and a web site in; GCS, BigQuery and HDFS out.

The systems are those of `tests/servers`; docs/compatibility.md says which are real and which stand in for a vendor's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.servers import bigquery, databases, gcs, hdfs, mariadb, mongodb, s3, site
from tests.servers.api import Space
from tilth import api
from tilth.core import events
from tilth.core.events import Event
from tilth.tables.table import Table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
RECIPE = Path(__file__).resolve().parents[1] / "examples" / "everywhere.yaml"
TOKEN = "helpdesk-token-4711"
PAGE = """<!doctype html><html lang="en"><head><title>{title}</title></head><body><nav><a href="/">Home</a>{links}</nav>
<article><h1>{title}</h1><p>{text}</p><p>Write to the desk when that does not help; somebody answers within a day.</p>
</article></body></html>"""
PAGES = {
    "/": ("Help centre", "Here the shop answers what people ask most about orders, bills and returns of goods."),
    "/returns": ("Returns", "Send the parcel back within thirty days, and the money is on its way in a week or less."),
    "/bills": ("Bills", "A bill comes by mail on the first of the month, with all that was ordered in the one before."),
}


class Everywhere:
    """All the systems, with rows in them, and the overrides that lead the recipe there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.heard = folder, list[Event]()
        self.shop = mariadb.database(mariadb.start())
        self.chat = mongodb.new_database()
        self.bucket, lake = (f"{name}-{self.chat.replace('_', '-')}" for name in ("acme-reviews", "acme-lake"))
        self.desk = Space(auth={"bearer": TOKEN}, rows=[])
        self.warehouse, self.cluster = bigquery.start(), hdfs.start()
        self.site = site.start()
        self.dataset = bigquery.new_dataset(self.warehouse)
        self.lake = f"gs://{gcs.make_bucket(gcs.start(), lake)}/datasets/tickets"
        self.hdfs = f"{self.cluster.facts['url']}/{self.chat}/tickets"
        self.environment = {
            "SHOP_URL": self.shop,
            "CHAT_URL": mongodb.url(mongodb.start()),
            "HELPDESK_URL": self.desk.base,
            "HELPDESK_TOKEN": TOKEN,
            "BIGQUERY_EMULATOR_HOST": str(self.warehouse.facts["endpoint"]),
            **s3.environment(s3.start()),
            **gcs.environment(gcs.start()),
            **hdfs.environment(self.cluster),
        }
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        s3.make_bucket(s3.start(), self.bucket)
        self._fill()

    @property
    def overrides(self) -> list[str]:
        """What leads the recipe to this machine's systems."""
        return [
            f"acquire[1].mongodb.database={self.chat}",
            f"acquire[2].files.path=s3://{self.bucket}/2026/*.jsonl",
            "acquire[3].rest.path=cursor",
            "acquire[3].rest.records=results",
            "acquire[3].rest.pagination={kind: cursor, param: cursor, next: meta.next_cursor}",
            "acquire[3].rest.allow_private=[127.0.0.1]",
            f"acquire[4].crawl.start=['http://localhost:{self.site.port}/']",
            "acquire[4].crawl.allow_private=[localhost, 127.0.0.1]",
            "acquire[4].crawl.delay=0",
            "acquire[4].crawl.sitemaps=false",
            f"store[0]={self.lake}",
            f"store[1].bigquery_table.project={bigquery.PROJECT}",
            f"store[1].bigquery_table.dataset={self.dataset}",
            f"store[2]={self.hdfs}",
        ]

    def _fill(self) -> None:
        databases.run(
            self.shop,
            "CREATE TABLE tickets (ticket_id INT PRIMARY KEY, text VARCHAR(500), label VARCHAR(20),"
            " updated_at DATETIME, deleted TINYINT(1) NOT NULL DEFAULT 0)",
            *(self.ticket(n, f"Ticket {n}: the {thing} never came, mail me at ann{n}@example.com", "delivery")
              for n, thing in enumerate(("lamp", "chair", "kettle", "carpet"), 1)),
        )  # fmt: skip
        import pymongo

        with pymongo.MongoClient(self.environment["CHAT_URL"], serverMonitoringMode="poll") as client:
            client[self.chat].messages.insert_many(
                [{"_id": f"m{n}", "text": f"Chat {n}: how do I pay the {what}?", "label": "billing", "sent_at": n}
                 for n, what in enumerate(("first bill", "second bill", "late fee"), 1)]
            )  # fmt: skip
        reviews = [{"review_id": f"r{n}", "text": f"Review {n}: a {word} shop", "label": "praise"}
                   for n, word in enumerate(("lovely", "quick", "friendly"))]  # fmt: skip
        # One text stands in the chat, too.
        reviews.append({"review_id": "r9", "text": "Chat 1: how do I pay the first bill?", "label": "billing"})
        bucket = s3.client(s3.start())
        for at, review in enumerate(reviews):
            bucket.put_object(Bucket=self.bucket, Key=f"2026/{at}.jsonl", Body=json.dumps(review).encode())
        bucket.close()
        self.desk.put(rows=[{"case_id": f"c{n}", "text": f"Case {n}: the door is {how}", "label": "repair"}
                            for n, how in enumerate(("stuck", "scratched", "missing", "too small"))])  # fmt: skip
        links = "".join(f'<a href="{path}">{title}</a>' for path, (title, _) in PAGES.items())
        for path, (title, text) in PAGES.items():
            for host in ("localhost", f"localhost:{self.site.port}"):
                site.put(self.site, host, path, PAGE.format(title=title, text=text, links=links))

    def ticket(self, number: int, text: str, label: str, deleted: int = 0) -> str:
        return (
            f"REPLACE INTO tickets VALUES ({number}, '{text}', '{label}', '2026-11-01 12:00:{number:02d}', {deleted})"
        )

    def run(self, **options: Any) -> Any:
        self.heard = []
        return api.run(RECIPE, *self.overrides, root=self.folder, workers=2, listen=self.heard.append, **options)

    def in_lake(self) -> dict[str, dict[str, Any]]:
        return {row["_id"]: row for batch in Table(self.lake).scan().batches() for row in batch.to_pylist()}

    def in_cluster(self) -> dict[str, dict[str, Any]]:
        return {row["_id"]: row for batch in Table(self.hdfs).scan().batches() for row in batch.to_pylist()}

    def in_warehouse(self) -> dict[str, dict[str, Any]]:
        client = bigquery.client(self.warehouse)
        found = client.query_and_wait(f"SELECT * FROM `{bigquery.PROJECT}.{self.dataset}.tickets`")
        rows = {row["_id"]: dict(row) for row in found}
        client.close()
        return rows


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Everywhere:
    return Everywhere(tmp_path / "project", monkeypatch)


def test_rows_come_from_everywhere_go_everywhere_and_follow_their_sources(world: Everywhere) -> None:
    ran = world.run()
    lake = world.in_lake()
    came = Counter(row["_source"] for row in lake.values())
    # One text stands in the chat and in a review: either stays.
    assert came.pop("chat") + came.pop("reviews") == 6
    assert came == {"shop": 4, "helpdesk": 4, "help": 3}
    assert {row["text"].partition(" never")[0] for row in lake.values() if row["_source"] == "shop"} == {
        f"Ticket {n}: the {thing}" for n, thing in enumerate(("lamp", "chair", "kettle", "carpet"), 1)
    }
    assert not [row for row in lake.values() if "@example.com" in row["text"]]
    assert any("thirty days" in row["text"] for row in lake.values() if row["_source"] == "help")
    texts = {row: found["text"] for row, found in lake.items()}
    for other in (world.in_cluster(), world.in_warehouse()):
        assert {row: found["text"] for row, found in other.items()} == texts
    assert [line.status for line in ran.summary.sinks] == ["stored"] * 3

    again = world.run()
    assert [line.status for line in again.summary.sinks] == ["unchanged"] * 3
    skipped = {event.stage for event in world.heard if isinstance(event, events.StageSkipped)}
    assert {"acquire", "cluster", "split", "refine", "store"} <= skipped

    # One row changed, one was deleted, one is new: everywhere, within the same recipe.
    databases.run(world.shop, world.ticket(9, "Ticket 9: the mirror is broken", "delivery"),
                  world.ticket(8, "Ticket 2: the chair came at last", "delivery").replace("(8,", "(2,"),
                  world.ticket(7, "", "delivery", deleted=1).replace("(7,", "(3,"))  # fmt: skip
    before = {row["ticket_id"]: row["_id"] for row in lake.values() if row["_source"] == "shop"}
    world.run()
    for found in (world.in_lake(), world.in_cluster(), world.in_warehouse()):
        shop = {row["ticket_id"]: row for row in found.values() if row["_source"] == "shop"}
        assert sorted(shop) == [1, 2, 4, 9]
        assert shop[2]["text"] == "Ticket 2: the chair came at last"
        assert shop[2]["_id"] == before[2]
        assert len(found) == 17


def test_a_dry_run_opens_every_connection_and_a_missing_right_is_said(
    world: Everywhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list(api.probe(RECIPE, *world.overrides, root=world.folder))
    assert all(finding.ok for _, finding in found), [one for one in found if not one.finding.ok]
    assert {place.partition(" ")[0] for place, _ in found} == {
        "project", *(f"acquire[{at}]" for at in range(5)), *(f"store[{at}]" for at in range(3))
    }  # fmt: skip
    assert not Table(world.lake).exists()
    monkeypatch.setenv("HELPDESK_TOKEN", "not-the-token")
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{servers.free_port()}")
    bad = {one.place.partition(" ")[0] for one in api.probe(RECIPE, *world.overrides) if not one.finding.ok}
    assert bad == {"acquire[3]", "store[1]"}


def test_no_secret_is_in_anything_that_a_run_leaves_or_says(world: Everywhere) -> None:
    """Also of a run that fails: every file, every word on the screen, every process's command line."""
    secrets = [TOKEN, world.shop.partition("@")[0].rpartition(":")[2], s3.SECRET]
    assert all(len(secret) >= 8 for secret in secrets)
    seen: list[bytes] = []
    world.folder.mkdir()
    for more in ([], ["acquire[3].rest.path=nowhere"], ["store[2]=hdfs://127.0.0.1:1/x"]):
        command = [sys.executable, "-c", "from tilth.cli import main; main()", "run", str(RECIPE), *world.overrides]
        command += ["--root", str(world.folder), "--json"]
        with (world.folder / "said").open("wb") as screen:
            child = subprocess.Popen([*command, *more], stdout=screen, stderr=subprocess.STDOUT)
            while child.poll() is None:
                seen += [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
                time.sleep(0.2)
        said = (world.folder / "said").read_bytes()
        assert child.returncode == (1 if more else 0), said[-2000:]
        seen.append(said)
    doctor = [sys.executable, "-c", "from tilth.cli import main; main()", "doctor", str(RECIPE)]
    looked = subprocess.run(doctor, capture_output=True, check=False)
    seen += [looked.stdout, looked.stderr]
    files = [path.read_bytes() for path in world.folder.rglob("*") if path.is_file()]
    assert len(files) > 50
    for secret in secrets:
        assert not [one[:200] for one in (*seen, *files) if secret.encode() in one], "a secret was found"


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True
