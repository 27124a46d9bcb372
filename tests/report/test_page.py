"""The page: safe whatever the texts, complete, and its numbers those of the warehouse."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from simframe.errors import ReportError
from simframe.ingest import import_panel
from simframe.report import collect
from simframe.report.charts import style, svg
from simframe.report.charts.render import inline
from simframe.report.charts.style import MARKS, SPARE
from simframe.report.findings import Findings
from simframe.report.html import html
from simframe.report.labels import AXES, Names
from simframe.report.markdown import markdown
from simframe.report.sections import compose
from simframe.report.words import USES, VERDICTS
from simframe.simulate.plans.strategies import STRATEGIES
from simframe.study import Thresholds
from simframe.warehouse import Warehouse

from .conftest import EVIL, Stages
from .pages import Read, read, value

SECTIONS = ["scorecard", "pilot-size", "answers", "subgroups", "coherence", "inference", "method", "provenance"]


ALLOWED = (
    "html head meta link title style body a header p h1 h2 h3 h4 dl div dt dd main section strong ul li article nav ol "
    "details summary figure figcaption svg g path text tspan rect line circle defs clippath table thead tbody tr th td "
    "pre code footer"
)


@pytest.fixture(scope="module")
def found(page: str) -> Read:
    return read(page)


def test_every_strategy_has_a_mark_of_its_own():
    known = sorted(STRATEGIES)
    drawn = [style.mark(strategy, known) for strategy in known]
    assert len(set(drawn)) == len(known)
    assert len({(each.shape, each.dash) for each in drawn}) == len(known), "greyscale reads too"


def test_no_text_becomes_markup(page: str, found: Read) -> None:
    assert {tag for tag, _ in found.tags} <= set(ALLOWED.split())
    assert not [name for _, given in found.tags for name in given if name.startswith("on")]
    assert "<script" not in page.lower()
    assert "<b>" not in page


def test_evil_texts_are_shown_as_they_are(found: Read) -> None:
    def shown(tag: str) -> str:
        return "".join(found.text[tag])

    for tag in ("title", "h1", "dd", "td", "th", "figcaption", "h3", "p"):
        assert EVIL in shown(tag), tag
    # Axis labels are broken into lines of 22 letters.
    letters = shown("text") + shown("tspan")
    assert "<script>" in letters
    assert 'fl"at<b>' in "".join("".join(row) for rows in found.tables.values() for row in rows) + letters
    charts = [given["aria-label"] for tag, given in found.tags if tag == "svg" and given.get("role") == "img"]
    assert any(EVIL in str(label) for label in charts)


def test_page_is_self_contained(page: str, found: Read) -> None:
    loading = ("src", "srcset", "action", "data", "poster", "xlink:href", "background")
    assert not [given for _, given in found.tags if any(name in given for name in loading)]
    for tag, given in found.tags:
        if "href" in given:
            assert str(given["href"]).startswith("#") or (tag, given["href"]) == ("link", "data:,")
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page
    assert "@import" not in page
    assert "url(" not in page.replace("url(#chart", "")
    policy = next(given for tag, given in found.tags if given.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'")
    assert len(page.encode()) < 3_000_000


def test_structure(found: Read) -> None:
    ids = [given["id"] for _, given in found.tags if "id" in given]
    assert len(ids) == len(set(ids))
    assert [given["id"] for tag, given in found.tags if tag == "section"] == ["answer", *SECTIONS]
    targets = {str(given["href"])[1:] for tag, given in found.tags if tag == "a"}
    assert targets == {"answer", *SECTIONS}
    for given in (given for _, given in found.tags if "aria-labelledby" in given):
        assert given["aria-labelledby"] in ids
    assert ("html", {"lang": "en"}) in found.tags
    levels = [int(tag[1]) for tag, _ in found.tags if tag in ("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    charts = [given for tag, given in found.tags if tag == "svg" and given.get("class") == "chart"]
    assert len(charts) > 10
    assert all(given["role"] == "img" and given["aria-label"] for given in charts)


def test_scorecard_shows_what_sql_says(scorecard: pl.DataFrame, findings: Findings, found: Read) -> None:
    rows = scorecard.to_dicts()
    names = Names(findings)
    people = any(row["panel_id"] == findings.reference.panel_id for row in rows)
    assert len(rows) == (len(findings.panels) + people) * len(AXES)
    for row in rows:
        table = found.tables[f"{AXES[row['axis']]}: figures behind the verdicts"]
        cells = next(cells for cells in table if cells[0] == names.compared(row["panel_id"]))
        for place, column in ((2, "estimate"), (4, "floor"), (5, "floor_q95"), (6, "base_estimate")):
            assert value(cells[place]) == pytest.approx(row[column], abs=5.1e-4), (row, column)
        if row["ci_low"] is not None:
            low, high = cells[3].split(" to ")
            assert (value(low), value(high)) == pytest.approx((row["ci_low"], row["ci_high"]), abs=5.1e-4)
        assert (value(cells[7]) if row["baseline_estimate"] is not None else None) == pytest.approx(
            row["baseline_estimate"], abs=5.1e-4
        )
        assert cells[10] == (row["fit"] or "–")
        assert row["verdict"] in cells[11]
        overview = found.tables["Verdicts, all panels and axes"]
        shown = next(cells for cells in overview if cells[0] == names.compared(row["panel_id"]))
        assert row["verdict"] in shown[row["position"]]


def test_details_show_what_sql_says(planted: Warehouse, findings: Findings, found: Read) -> None:
    names = Names(findings)
    groups = planted.sql(
        "SELECT * FROM alignment WHERE family = 'subgroups' AND metric = 'js_distance' AND item_id IS NULL"
        " AND attribute = 'home' AND panel_id = ?",
        [findings.focus.largest],
    ).to_dicts()
    assert len(groups) == 2
    for row in groups:
        start = [names.level("home", row["level"]), names.panel(row["panel_id"])]
        cells = next(cells for cells in found.tables["js_distance by subgroup"] if cells[:2] == start)
        assert value(cells[2]) == pytest.approx(row["estimate"], abs=5.1e-4)
        assert value(cells[5]) == pytest.approx(row["estimate"] - row["floor"], abs=5.1e-4)
        assert int(cells[6]) == row["n_h"]
    pair = next(rows for caption, rows in found.tables.items() if caption.startswith("Belief-action gap"))
    gaps = planted.sql("SELECT * FROM belief_action WHERE attribute = 'all'").to_dicts()
    for row in gaps:
        for cells in pair:
            if cells[0] == names.panel(row["panel_id"]):
                shown = [100 * row["belief_action_gap_h"], 100 * row["belief_action_gap_s"]]
                assert [value(cells[1]), value(cells[2])] == pytest.approx(shown, abs=0.051)
    slopes = planted.sql(
        "SELECT * FROM coefficient_pairs WHERE kind = 'slope' AND attribute = 'all' AND panel_id = ?",
        [findings.focus.largest],
    ).to_dicts()
    assert slopes
    for row in slopes:
        start = [row["term"], names.panel(row["panel_id"])]
        cells = next(cells for cells in found.tables["Coefficients"] if cells[:2] == start)
        assert [value(cells[2]), value(cells[4])] == pytest.approx([row["estimate_h"], row["estimate_s"]], abs=5.1e-4)


def test_every_printed_query_runs_and_gives_the_findings(planted: Warehouse, findings: Findings) -> None:
    with planted.connect() as con:
        # A view of seconds that a dozen queries read: made once here, whole, where the report takes its part.
        con.execute("CREATE TEMP TABLE alignment AS FROM alignment")
        for statement in findings.prelude:
            con.execute(statement)
        for name, query in findings.queries.items():
            if name == "panels":
                continue  # the reference stands in it too
            columns = [column[0] for column in con.execute(query).description or []]
            rows = con.execute(query).fetchall()
            shown = [tuple(getattr(row, column) for column in columns) for row in getattr(findings, name)]
            assert len(rows) == len(shown)
            # The last bit of a sum depends on the order in which threads add.
            assert all(
                x == y or x == pytest.approx(y)
                for a, b in zip(rows, shown, strict=True)
                for x, y in zip(a, b, strict=True)
            ), name


def test_planted_panels_are_told_apart(findings: Findings) -> None:
    """Of the panels, the one with a tenth of its answers swapped is nearer than one with two fifths or all."""
    focus = findings.focus
    assert focus.best == focus.largest == "park-tuned-n60-1"
    answer = compose(findings).answer
    assert "tuned 60" in answer.lead
    said = answer.findings[0][1]
    assert said.startswith("Not shown either way")
    assert "by the estimate it did, and the 95 % interval" in said
    assert {score.verdict for score in findings.scores} <= VERDICTS.keys()


def test_verdicts_and_axes_are_those_of_the_sql(planted: Warehouse) -> None:
    assert list(planted.sql("SELECT verdict FROM fit_rules ORDER BY verdict")["verdict"]) == sorted(VERDICTS)
    assert set(planted.sql("SELECT DISTINCT axis FROM verdict_rules")["axis"]) == AXES.keys()


def test_the_answer_calls_fit_what_the_scorecard_does(planted: Warehouse, findings: Findings) -> None:
    answer = compose(findings).answer
    rows = planted.sql("SELECT axis, verdict, fit FROM scorecard WHERE panel_id = ?", [findings.focus.best]).to_dicts()
    listed = {standing: uses for standing, _, uses in answer.uses}
    for row in rows:
        shown = [standing for standing, uses in listed.items() if f"{USES[row['axis']]} ({row['verdict']})" in uses]
        if row["axis"] == "memorisation":
            assert shown == (["unfit"] if row["fit"].startswith("not") else [])
        elif row["fit"] == "undecided":
            assert shown in (["alike"], ["gain"], ["level"], ["open"])
        else:
            assert shown == [{"fit for": "fit", "not fit": "unfit"}[row["fit"][:7]]]
            (card,) = [card for card in answer.cards if card.title == AXES[row["axis"]]]
            assert row["fit"] in card.verdict


def test_people_split_in_half_stand_beside_the_panels(findings: Findings) -> None:
    reference = findings.reference.panel_id
    own = next(s for s in findings.scores if s.panel_id == findings.focus.best and s.axis == "marginals")
    score = replace(own, panel_id=reference, estimate=0.0321, verdict="people against people", fit=None)
    drawn = next(n for n in findings.curves if n.panel_id == findings.focus.best and n.metric == "js_distance")
    scores = [s for s in findings.scores if s.panel_id != reference]
    curves = [n for n in findings.curves if n.panel_id != reference]
    without = html(replace(findings, scores=scores, curves=curves))
    assert "People, split in half" not in re.sub(r'<section id="method".*?</section>', "", without, flags=re.DOTALL)
    whole = replace(
        findings, scores=[*scores, score], curves=[*curves, replace(drawn, panel_id=reference, estimate=0.0321)]
    )
    found = read(html(whole))
    row = next(row for row in found.tables["Verdicts, all panels and axes"] if row[0] == "People, split in half")
    assert row[1].startswith("people against people")
    assert value(re.findall(r"[\d.]+", row[1])[0]) == 0.032
    assert row[2:] == ["–"] * (len(AXES) - 1)
    row = next(row for row in found.tables["Answer shares: figures behind the verdicts"] if "split" in row[0])
    assert (row[2], row[10], row[11].split(" (")[0]) == ("0.032", "–", "people against people")
    curve = next(
        rows for caption, rows in found.tables.items() if caption.startswith("Answer shares and their variety")
    )
    row = next(row for row in curve if row[0] == "People, split in half")
    assert row[1:3] == ["–", "0.032"]
    assert "People, split in half 0.032" in str([given.get("aria-label") for tag, given in found.tags if tag == "svg"])
    assert any("People, split in half" in text for text in found.text["li"])


def test_thresholds_are_listed_with_where_they_come_from(stages: Stages, tmp_path: Path) -> None:
    shown = {row[0]: row[1:] for row in read(html(stages.findings)).tables["Thresholds"][1:]}
    declared = {name: ("none" if value is None else f"{value:g}") for name, value, _, _ in Thresholds().rows()}
    assert {name: cells[0] for name, cells in shown.items()} == declared
    assert {cells[2] for cells in shown.values()} == {"default"}
    root = tmp_path / "w"
    shutil.copytree(stages.warehouse.layout.root, root)
    warehouse = Warehouse(root)
    warehouse.rebuild()
    study = warehouse.study_of(stages.findings.reference.panel_id)
    late = study.model_copy(update={"thresholds": Thresholds(small_group=5, heterogeneity_margin=0.001)})
    warehouse.declare(late)
    findings = collect(root)
    page = read(html(findings))
    rows = {row[0]: row[1:] for row in page.tables["Thresholds"][1:]}
    assert rows["small_group"][:2] == ["5", "30"]
    assert rows["small_group"][2].startswith("the study, since 20")
    assert rows["small_group"][4] == "set after panels were published"
    assert rows["sign_f1"][2] == "default"
    assert any(
        "Set after panels were published: small_group and heterogeneity_margin" in text for text in page.text["p"]
    )
    before, after = (f.score(f.focus.best, "heterogeneity") for f in (stages.findings, findings))
    assert before is not None
    assert after is not None
    assert (before.verdict, before.fit) == ("within the margin", "fit for heterogeneity")
    assert (after.verdict, after.fit) != (before.verdict, before.fit)
    assert after.estimate == before.estimate
    assert "small_group 5, heterogeneity_margin 0.001" in "".join(page.text["p"])
    assert "fewer than 5 people of equal weight" in "".join(page.text["p"])
    assert not [row for row in findings.subgroups if row.reason == "small_n" and (row.n_h or 0) >= 5]


def test_a_newer_version_without_panels_is_named(
    stages: Stages, tmp_path: Path, park_text: str, park_people: Callable[..., pl.DataFrame]
) -> None:
    """The study was changed after panels had been published: the old version is reported on, the new one is named."""
    root = tmp_path / "w"
    shutil.copytree(stages.warehouse.layout.root, root)
    warehouse = Warehouse(root)
    warehouse.rebuild()
    changed = tmp_path / "changed.toml"
    changed.write_text(park_text.replace("Likes green", "Likes blue"), "utf-8")
    park_people(220, 5).write_csv(tmp_path / "people.csv")
    done = import_panel(warehouse, changed, tmp_path / "people.csv")
    findings = collect(root)
    assert findings.study.study_hash == stages.findings.study.study_hash
    assert findings.panels == stages.findings.panels
    caveats = compose(findings).answer.caveats
    (said,) = [text for text in caveats if "The study was changed" in text]
    assert warehouse.study_of(done.panel_id).study_hash in said
    assert findings.study.study_hash in said


def test_headline_metrics_are_defined_by_the_registry(findings: Findings, found: Read) -> None:
    rows = found.tables["Headline metrics"][1:]
    assert [row[1] for row in rows] == [rule.metric for rule in findings.rules]
    for row in rows:
        assert "–" not in row[4:], row


def test_before_anything_was_simulated(stages: Stages) -> None:
    found = read(html(stages.people_alone))
    assert "run simframe simulate" in "".join(found.text["p"])
    assert [given["id"] for tag, given in found.tags if tag == "section"] == ["answer", *SECTIONS]


def test_before_evaluation(stages: Stages) -> None:
    answer = compose(stages.unevaluated).answer
    assert any("run simframe evaluate" in text for text in answer.caveats)
    assert {card.title for card in answer.cards} == set(AXES.values())
    assert {card.verdict for card in answer.cards} == {"○ not evaluated"}
    page = html(stages.unevaluated)
    assert "not evaluated: run simframe evaluate" in page.lower()
    assert read(page).tables["Verdicts, all panels and axes"]


def test_embedded_model_is_named_as_tiny(findings: Findings) -> None:
    assert "tiny" not in " ".join(compose(findings).answer.caveats)
    panels = [replace(panel, model="embedded") for panel in findings.panels]
    assert "tiny" in " ".join(compose(replace(findings, panels=panels)).answer.caveats)


def test_study_without_pairs_regressions_subgroups_or_structures(findings: Findings) -> None:
    study = replace(findings.study, pairs=[], regressions=[], levels=[], blocks=[])
    bare = replace(
        findings, study=study, subgroups=[], structures=[], actions=[], coherence=[], recovery=[], coefficients=[]
    )
    said = " ".join(text for section in compose(bare).sections for text in section.intro)
    for part in ("no pair of a belief and an action", "no regression", "no subgroups"):
        assert part in said
    assert "no block of items" in markdown(bare)


def test_hundreds_of_panels_are_capped(findings: Findings) -> None:
    first = findings.panels[0]
    more = [replace(first, panel_id=f"park-extra-{n:03d}", label=f"extra {n}") for n in range(300)]
    scores = [replace(s, panel_id=p.panel_id) for p in more for s in findings.scores if s.panel_id == first.panel_id]
    many = replace(findings, panels=[*more, *findings.panels], scores=[*scores, *findings.scores])
    section = compose(many).sections[0]
    table = section.blocks[0].table
    assert table is not None
    people = findings.reference.panel_id
    assert len(table.rows) == 40 + (findings.score(people, "marginals") is not None)
    assert f"{len(many.panels) - 40} more panels are left out" in " ".join(section.intro)
    shown = {row[0] for row in table.rows}
    assert {Names(many).panel(panel_id) for panel_id in findings.focus.all} <= shown


def test_marks_read_without_colour() -> None:
    marks = [*MARKS.values(), *SPARE]
    assert len({mark.shape for mark in marks}) == len(marks)
    lines = [mark.dash for strategy, mark in MARKS.items() if strategy != "survey"]
    assert len(set(lines)) == len(lines)


def test_chart_with_a_foreign_element_is_refused() -> None:
    drawn = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><image href="http://x/"/></svg>'
    with pytest.raises(ReportError, match="image element"):
        inline(drawn, alt="", key="c1")


def test_chart_ids_are_its_own() -> None:
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><defs><clipPath id="c0"><rect/></clipPath></defs>'
        '<g clip-path="url(#c0)" onclick="x()"><text>&lt;a&gt;</text></g></svg>'
    )
    shown = inline(drawn, alt='say "hi"', key="chart7")
    assert 'id="chart7-c0"' in shown
    assert "url(#chart7-c0)" in shown
    assert "onclick" not in shown
    assert "&lt;a&gt;" in shown
    assert "&quot;hi&quot;" in shown


def test_two_panels_of_one_strategy_are_told_apart_in_charts_and_legend(findings: Findings) -> None:
    tuned = [panel.panel_id for panel in findings.panels if panel.strategy == "tuned"]
    assert len(tuned) == 2
    focus = replace(findings.focus, largest=tuned[1], best=tuned[0])
    more = {
        name: [*rows, *(replace(row, panel_id=tuned[0]) for row in rows if row.panel_id == tuned[1])]
        for name, rows in (("shares", findings.shares), ("subgroups", findings.subgroups))
    }
    two = replace(findings, focus=focus, **more)
    names = Names(two)
    sections = {section.id: section for section in compose(two).sections}
    for name, kind in (("answers", "shares"), ("subgroups", "dots")):
        section = sections[name]
        own = [series for series in section.legend if series.split(" ")[0] == "tuned"]
        assert [section.legend[series] for series in own] == [f"Model, tuned: {names.panel(i)}" for i in tuned[::-1]]
        drawn = [style.mark(series, list(section.legend)) for series in own]
        for attribute in ("colour", "shape", "dash"):
            assert len({getattr(mark, attribute) for mark in drawn}) == 2, "print and colour-blind readers"
        figures = [figure for block in section.blocks for figure in block.figures if figure.kind == kind]
        assert figures
        for figure in figures:
            rows = figure.data["marks" if kind == "shares" else "rows"]
            assert set(own) <= {row["strategy"] for row in rows} <= set(section.legend)
            assert "<svg" in svg(figure, "c", list(section.legend))
    shown = "".join(read(html(two)).text["li"])
    assert all(f"Model, tuned: {names.panel(i)}" in shown for i in tuned)


def test_a_series_looks_alike_in_every_chart_of_its_section() -> None:
    known = ["survey", "hot_deck", "tuned", "item_mean", "tuned 2"]
    for series in known:
        alone = style.scales([series], known)
        among = style.scales(known, known)
        place = known.index(series)
        assert alone["colour"].range[0] == among["colour"].range[place]
        assert alone["shape"].range[0] == among["shape"].range[place]
    assert len({style.mark(series, known).shape for series in known}) == len(known)


def test_many_panels_of_one_pilot_size_are_drawn_by_strategy(findings: Findings) -> None:
    """Means and reaches are those of the panels; a chart has one mark a strategy and size however many there are."""
    tuned = next(panel for panel in findings.panels if panel.strategy == "tuned" and panel.pilot_n == 60)
    own = [n for n in findings.curves if n.panel_id == tuned.panel_id]
    panels, curves = list(findings.panels), list(findings.curves)
    for k in range(1, 12):
        panels.append(replace(tuned, panel_id=f"park-tuned-more-{k}", label=f"more {k}", seed=k))
        moved = [replace(n, estimate=None if n.estimate is None else n.estimate + k / 100) for n in own]
        curves += [replace(n, panel_id=f"park-tuned-more-{k}") for n in moved]

    def drawn(report: Findings) -> dict[str, list[dict[str, object]]]:
        section = next(each for each in compose(report).sections if each.id == "pilot-size")
        return {f.title: f.data["points"] for block in section.blocks for f in block.figures}

    few, many = drawn(findings), drawn(replace(findings, panels=panels, curves=curves))
    assert list(few) == list(many)
    for title, points in many.items():
        places = [(point["strategy"], point["pilot"]) for point in points]
        assert len(places) == len(set(places)) == len(few[title])
        found = [p for p in points if (p["strategy"], p["pilot"]) == ("tuned", 60)]
        alike = [p for p in few[title] if (p["strategy"], p["pilot"]) == ("tuned", 60)]
        for point, alone in zip(found, alike, strict=True):
            least = alone["estimate"]
            assert isinstance(least, float)
            assert [point["estimate"], point["low"], point["high"]] == pytest.approx(
                [least + 0.11 / 2, least, least + 0.11]
            )
    assert sum(len(points) for points in many.values()) > 8


def test_the_command_for_another_comparison_stands_on_the_page(findings: Findings) -> None:
    from simframe.report.findings import Comparison

    own = findings.comparisons[0]
    others = [
        Comparison(own.panel_id, own.study_hash, None, 1, False),
        Comparison("park-human-1", "another", "holdout", 3, False),
    ]
    said = " ".join(compose(replace(findings, comparisons=[own, *others])).answer.caveats)
    assert f"1 panel is judged by all of {own.panel_id} and not on this page: simframe report --split all" in said
    assert "3 panels are judged by holdout of park-human-1 (version another of the study)" in said
    assert "simframe report --reference park-human-1 --split holdout" in said
