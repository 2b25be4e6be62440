"""The page: well-formed, self-contained, accessible, safe with hostile data, the same every time."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.report.page import render, write
from tilth.report.summary import (
    CaughtLine,
    Evaluation,
    ExampleLine,
    SourceLine,
    SplitLine,
    StageLine,
    StepLine,
    Summary,
    Training,
)

PageOf = Callable[[Summary], str]
HOSTILE = (
    "</title></style><script>alert(1)</script>\"'><img src=http://x.test/x onerror=alert(2)>{{ 1337*1000 }}\x00\ud800"
)


class Tree(HTMLParser):
    """Read a page; complain about tags that do not match, and gather what the tests ask about."""

    void = frozenset({"meta", "br", "img", "link", "hr", "input"})

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.text += " " if tag in ("td", "th", "p", "li", "h2", "h3", "span") else ""
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text += data if "style" not in self.open else ""

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(params=["data_run", "topics_run", pytest.param("intents_run", marks=pytest.mark.slow), "tags_run"])
def page(request: pytest.FixtureRequest, page_of: PageOf) -> str:
    return page_of(request.getfixturevalue(request.param))


def test_every_tag_is_closed_and_every_id_is_one_of_a_kind(page: str) -> None:
    tree = Tree(page)
    ids = [attributes["id"] for _, attributes in tree.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {str(attributes["href"])[1:] for attributes in tree.all("a")}
    assert links and links <= set(ids)
    assert len(tree.all("h1")) == 1 and tree.all("html") == [{"lang": "en"}]


def test_nothing_is_fetched_and_nothing_can_run(page: str) -> None:
    tree = Tree(page)
    assert "http://" not in page and "https://" not in page
    assert not [tag for tag, _ in tree.found if tag in ("script", "link", "img", "iframe", "object", "embed", "form")]
    assert not [name for _, attributes in tree.found for name in attributes if name.startswith("on") or name == "src"]
    assert "@import" not in page and not re.findall(r"url\((?!#)", page)
    policy = next(meta["content"] for meta in tree.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'; style-src 'unsafe-inline';") and "script" not in str(policy)


def test_every_drawing_has_words_or_stands_beside_them(page: str) -> None:
    drawings = Tree(page).all("svg")
    for one in drawings:
        spoken = one.get("role") == "img" and len(str(one.get("aria-label"))) > 20
        assert spoken or one.get("aria-hidden") == "true"
    assert drawings


def test_every_table_has_headings_and_every_scrolled_part_a_name(page: str) -> None:
    tree = Tree(page)
    assert all(cell.get("scope") in ("row", "col") for cell in tree.all("th"))
    regions = [part for part in tree.all("div") if part.get("class") == "scroll"]
    assert len(regions) >= len(tree.all("table")) and all(part["aria-label"] for part in regions)


def test_the_same_summary_gives_the_same_bytes(topics_run: Summary, page_of: PageOf) -> None:
    again = Summary.from_json(json.loads(json.dumps(topics_run.to_json())))
    assert render(again) == page_of(topics_run)


def test_the_page_of_a_trained_model_tells_its_story(topics_run: Summary, page_of: PageOf) -> None:
    told = " ".join(Tree(page_of(topics_run)).text.split())
    for said in (
        "12,497 in + 0 expanded + 1,480 grown = 12,405 kept + 1,551 dropped + 21 failed",
        "−1,020 dropped 8.2%",
        "0.876 to 0.904 (95% interval)",
        "Clearly better than TF-IDF and logistic regression (0.812): the intervals do not touch.",
        "2,185 test rows, opened once",
        "The checkpoint of step 700 (epoch 2.8) was kept: macro F1 0.886 on validation rows.",
        "tickets_2.csv: read as gb18030",
        "flipped labels 150 97 53 41 64.7%",
        "583 0.851 0.822 to 0.878 ◆ worse",
        "too few rows to judge",
        "expected calibration error 0.081 0.017",
        "快递员态度恶劣,我要投诉并且退款",
        "tilth run recipe.yaml --seed 13",
        "fingerprints · recipe b4c1f09a22d7",
        "skipped: nothing changed",
    ):
        assert said in told, said


def test_warnings_stand_before_every_figure(topics_run: Summary, page_of: PageOf) -> None:
    page = page_of(topics_run)
    assert page.index("Know this first") < page.index("encoding guessed") < page.index("At a glance")


def test_changes_are_shown_piece_by_piece(data_run: Summary, page_of: PageOf) -> None:
    page = page_of(data_run)
    assert "I can<del>â€™</del><ins>’</ins>t log in" in page
    assert "没有收到<del>[U+200B]</del>" in page and "my re<del>fund</del><ins>imbursement</ins>?" in page
    assert "dropped</span> <bdi>same_minhash</bdi>, measured 0.93, threshold 0.8" in page


def test_a_run_without_a_model_leaves_out_what_it_has_not(data_run: Summary, page_of: PageOf) -> None:
    tree = Tree(page_of(data_run))
    assert not {"Training", "Evaluation", "Planted and caught"} & set(re.findall(r"[A-Z][a-z ]+", tree.text))
    assert "matplotlib" not in tree.text and "macro" not in tree.text
    assert "Data in, data out" in tree.text and "Rows by" not in tree.text


def test_the_barest_run_gives_a_page() -> None:
    tree = Tree(render(Summary(run="r1", name="demo")))
    assert "demo" in tree.text and "Data in" not in tree.text and "None" not in tree.text


@pytest.mark.slow
def test_seventy_seven_labels_are_folded_and_the_page_stays_small(intents_run: Summary, page_of: PageOf) -> None:
    page = page_of(intents_run)
    tree = Tree(page)
    assert len(page.encode()) < 3_000_000
    assert "All 77 labels" in tree.text and "Rows of all 77 labels" in tree.text
    assert "The ten labels with the lowest F1" in tree.text
    open_part = re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)
    assert len(Tree(open_part).all("tr")) < 90
    assert "Sample run." in tree.text and "opened 3 times" in tree.text
    assert any("77 true by 77 predicted" in str(one.get("aria-label")) for one in tree.all("svg"))


def test_entities_and_tokens_have_their_own_tables(tags_run: Summary, page_of: PageOf) -> None:
    told = " ".join(Tree(page_of(tags_run)).text.split())
    assert told.index("By entity") < told.index("LOC") < told.index("By token") < told.index("B-LOC")
    assert "averaged over the tags other than O" in told
    assert "Deutsche Bank opens in Paris ORG 0–1 LOC 0–0, PER 4–4" in told


def test_hostile_text_stays_text_wherever_it_comes_from() -> None:
    page = render(everywhere(HOSTILE))
    tree = Tree(page)
    assert "<script" not in page and "<img" not in page and "1337000" not in page
    assert not [tag for tag, _ in tree.found if tag in ("script", "img")]
    assert "\x00" not in page and page.encode("utf-8")
    assert tree.text.count("alert(1)") > 40


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_any_text_gives_a_page_whose_tags_match(text: str) -> None:
    calm = dataclasses.replace(everywhere(text), training=None, evaluation=None)
    tree, other = Tree(render(calm)), Tree(render(dataclasses.replace(everywhere("x"), training=None, evaluation=None)))
    assert {tag for tag, _ in tree.found} <= {tag for tag, _ in other.found} | {"del", "ins", "br", "p", "pre", "code"}


def test_without_matplotlib_the_page_has_tables_and_says_how_to_get_plots(
    topics_run: Summary, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    tree = Tree(render(topics_run))
    assert 'pip install "tilth[report]"' in tree.text
    assert not [one for one in tree.all("svg") if one.get("role") == "img"] and not tree.all("figure")
    assert "expected calibration error" in tree.text and len(tree.all("table")) > 12


def test_write_puts_the_numbers_beside_the_page_and_leaves_nothing_else(data_run: Summary, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "r1"
    path = write(data_run, folder)
    assert path == folder / "report.html" and path.read_bytes() == render(data_run).encode()
    assert Summary.from_json(json.loads((folder / "summary.json").read_text())) == data_run
    write(dataclasses.replace(data_run, name="second"), folder)
    assert "second" in path.read_text(encoding="utf-8")
    assert sorted(file.name for file in folder.iterdir()) == ["report.html", "summary.json"]


def test_a_write_that_fails_leaves_the_old_page_whole(data_run: Summary, tmp_path: Path) -> None:
    path = write(data_run, tmp_path)
    before = path.read_bytes()
    broken = dataclasses.replace(data_run, evaluation=Evaluation(confusion={"labels": ["a", "b"], "rows": [[1]]}))
    with pytest.raises(ValueError, match="zip"):
        write(broken, tmp_path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["report.html", "summary.json"]


@pytest.mark.slow
def test_the_page_reads_what_the_measure_room_says() -> None:
    from tilth.measure.abstain import fit_abstention, risk_coverage
    from tilth.measure.bootstrap import Bootstrap, intervals, over_seeds, paired_difference
    from tilth.measure.calibration import calibration
    from tilth.measure.classification import label_counts, report
    from tilth.measure.confusion import confusion
    from tilth.measure.slices import slices
    from tilth.measure.worst import worst

    ids = [f"r{at}" for at in range(120)]
    truth = ["spam" if at % 3 == 0 else "ham" for at in range(120)]
    told = [one if at % 10 else "ham" for at, one in enumerate(truth)]
    sure = [[0.9, 0.1] if one == "ham" else [0.2, 0.8] for one in told]
    codes = [["ham", "spam"].index(one) for one in truth]
    right = [one == other for one, other in zip(truth, told, strict=True)]
    confidence = [max(row) for row in sure]
    ours, theirs = label_counts(ids, truth, told), label_counts(ids, truth, ["ham"] * 120)
    how = Bootstrap(replicates=200)
    figures = intervals(ours, ["accuracy", "f1:ham", "f1:spam"], how)
    found = slices(ours, {"channel": pa.array(["mail", "chat"] * 60)}, how=how)
    evaluation = Evaluation(
        rows=120,
        headline=({"name": "accuracy", **figures["accuracy"].to_json()},),
        baselines=(
            {
                "name": "always ham",
                "metrics": {"accuracy": intervals(theirs, ["accuracy"], how)["accuracy"].to_json()},
                "difference": paired_difference(ours, theirs, "accuracy", how).to_json(),
            },
        ),
        report=report(truth, told).to_json(),
        intervals={name: one.to_json() for name, one in figures.items()},
        confusion=confusion(truth, told).to_json(),
        calibration={"temperature": 1.3, "before": None, "after": calibration(sure, codes, ["ham", "spam"]).to_json()},
        risk_coverage=risk_coverage(confidence, right).to_json(),
        abstention=fit_abstention(confidence, right, error=10, abstain=1).to_json(),
        slices=tuple(one.to_json() for one in found.slices),
        errors=tuple({"text": "win money", **one.to_json()} for one in worst(ids, codes, sure, ["ham", "spam"])),
        seeds={"accuracy": over_seeds([0.96, 0.97]).to_json()},
    )
    tree = Tree(render(Summary(run="r1", name="spam", evaluation=evaluation)))
    told_by_page = " ".join(tree.text.split())
    for said in (
        "Clearly better than always ham (0.667): the difference on the same rows is +",
        "ham 0.952 1.000 0.976",
        "channel = mail 60",
        "win money spam ham 0.900",
        "accuracy 0.965",
        "Risk-coverage curve",
    ):
        assert said in told_by_page or any(said in str(one.get("aria-label")) for one in tree.all("svg")), said


def everywhere(text: str) -> Summary:
    """Return a summary that holds a stranger's text wherever text may stand."""
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    line = {"name": text, "precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 4}
    report = {"classes": [line], "micro": line, "macro": line, "weighted": line, "samples": None, "accuracy": 0.5}
    example = ExampleLine(id=text, before=text, after=text + "!", rule=text, other_id=text, column=text)
    labels = [text, f"{text} 2", *map(str, range(12))]
    return Summary(
        run=text,
        name=text,
        recipe_path=text,
        started=text,
        task=text,
        stages=(StageLine(name=text, status=text, why=text),),
        sources=(SourceLine(name=text, kind=text, licence=text, rows=1, rejected=1, notes=(text,)),),
        steps=(
            StepLine(
                place=text,
                operator=text,
                options=text,
                rows_in=2,
                kept=1,
                dropped=1,
                by_rule={text: 1},
                examples=(example, dataclasses.replace(example, after=None)),
            ),
        ),
        split=SplitLine(counts={"train": 1, text: 1}, labels={text: {"train": 1}}, how=text),
        training=Training(
            learner=text,
            backbone=text,
            history=({"step": 1, "loss": 0.5, "metric": text, "value": 0.5},),
            facts={text: text},
        ),
        evaluation=Evaluation(
            headline=({"name": text, **figure},),
            baselines=({"name": text, "metrics": {text: figure}},),
            report=report,
            confusion={"labels": labels, "rows": [[1] * len(labels)] * len(labels)},
            tagging={"tokens": report, "tokens_without_o": report, "entities": report},
            thresholds={"labels": [text], "values": [0.5], "unfitted": [text]},
            slices=tuple(
                {"column": text, "value": text, "support": 4, "metric": figure, "judged": True, "worse": worse}
                for worse in (True, False)
            ),
            errors=({"id": text, "text": text, "truth": [text], "predicted": text, "confidence": 0.5},),
            seeds={text: {"mean": figure, "sd": 0.1, "values": [0.5]}},
        ),
        warnings=(text,),
        versions={text: text},
        facts={text: {text: [text]}},
        accounts={"rows_in": 2, "kept": 1, "dropped": 1},
        caught=(CaughtLine(kind=text, planted=1, caught=1, missed=0),),
        again=text,
        serve=text,
        report=text,
        model=text,
    )
