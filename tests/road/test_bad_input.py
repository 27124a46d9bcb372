"""What no survey should hold, and some do: through import, SQL, Polars, evaluation and page, or refused with a mend."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import simframe.metrics as sm
from simframe.errors import DataError, InferenceError, SimframeError, StudyError
from simframe.inference import evaluate_panels
from simframe.ingest import import_panel, import_simulated
from simframe.report import collect, write_report
from simframe.study import parse_study
from simframe.warehouse import Warehouse, examine

ODD = 'O\'Neil "x"; DROP TABLE panels; -- <b>&amp;</b> Ünïcödé 日本語 \\ `|` $1 %s {0}'
"""A label, a code and a column of a file may be this; an id may not."""


@dataclass(frozen=True)
class Road:
    """A warehouse, and the study and people in it."""

    warehouse: Warehouse
    study: Path
    reference: str

    def panel(self, frame: pl.DataFrame, label: str) -> str:
        path = self.study.with_name("simulated.csv")
        frame.write_csv(path)
        return import_simulated(self.warehouse, self.study, path, reference=self.reference, label=label).panel_id

    def pages(self) -> str:
        """Write every report, and return the page."""
        root = self.warehouse.layout.root
        found = {name: write_report(root, self.study.with_name(f"report.{name}")) for name in ("html", "md", "json")}
        json.loads(found["json"].read_text("utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
        return found["html"].read_text("utf-8")

    def finish(self) -> None:
        """Evaluate everything, and hold what may never be."""
        evaluate_panels(self.warehouse, None, lambda done, total: None, replicates=20)
        wrong = self.warehouse.sql("""
            SELECT * FROM alignment
            WHERE (estimate IS NULL) > (reason IS NOT NULL) OR isnan(estimate)
                OR (isinf(estimate) AND metric <> 'kl_divergence')
                OR NOT coalesce(isfinite(ci_low) AND isfinite(ci_high) AND isfinite(floor) AND isfinite(p_value), true)
                OR ci_low > ci_high OR NOT coalesce(p_value BETWEEN 0 AND 1, true)
                OR (family <> 'recovery' AND NOT coalesce(estimate BETWEEN ci_low AND ci_high, true))
        """)
        assert wrong.is_empty(), wrong.write_csv()
        assert examine(self.warehouse) == []


def road(folder: Path, text: str, people: pl.DataFrame) -> Road:
    (folder / "study.toml").write_text(text, "utf-8")
    people.write_csv(folder / "people.csv")
    warehouse = Warehouse.create(folder / "w")
    done = import_panel(warehouse, folder / "study.toml", folder / "people.csv")
    return Road(warehouse, folder / "study.toml", done.panel_id)


def unsplit(text: str) -> str:
    return re.sub(r"\[study\.split\][^\[]*", "", text)


def test_panels_that_lack_nearly_everything(
    tmp_path: Path, park_text: str, park_people: Callable[..., pl.DataFrame]
) -> None:
    """One respondent; nobody who answers; a subgroup on one side alone; weights of zero within a group."""
    made = road(tmp_path, park_text, park_people(60))
    others = park_people(60, 3).drop("person")
    panels = {
        "one": made.panel(others.head(1), "one"),
        "silent": made.panel(others.with_columns(q1=pl.lit("9"), visits=pl.lit(None, pl.String)), "silent"),
        "flats": made.panel(others.with_columns(home=pl.lit("flat")), "flats"),
        "weightless": made.panel(
            others.with_columns(wt=pl.when(pl.col("home") == "house").then(pl.lit("0")).otherwise("wt")), "weightless"
        ),
    }
    made.finish()
    page = made.pages()
    assert all(name in page for name in panels)

    def row(name: str, metric: str, **keys: str) -> tuple[float | None, str | None]:
        where = "".join(f" AND {key} = '{value}'" for key, value in keys.items())
        query = f"SELECT estimate, reason FROM alignment WHERE panel_id = ? AND metric = ? {where}"
        (found,) = made.warehouse.sql(query, [panels[name], metric]).rows()
        return found

    everybody = {"item_id": "green", "attribute": "all"}
    assert row("silent", "js_distance", **everybody) == (None, "no answers in the panel")
    gap, _ = row("silent", "nonresponse_gap", **everybody)
    people = park_people(60).filter(~pl.col("q1").is_null() & (pl.col("q1") != "9"))
    total = park_people(60)["wt"].cast(pl.Float64).sum()
    assert gap == pytest.approx(people["wt"].cast(pl.Float64).sum() / total)
    house = {"item_id": "green", "attribute": "home", "level": "house"}
    assert row("flats", "js_distance", **house) == (None, "not simulated")
    assert row("weightless", "js_distance", **house) == (None, "weights sum to zero")
    assert row("weightless", "js_distance", **house | {"level": "flat"})[0] is not None
    verdicts = made.warehouse.sql("SELECT verdict FROM scorecard WHERE panel_id = ?", [panels["one"]])["verdict"]
    assert set(verdicts) <= {"too few respondents", "undefined"}


@pytest.mark.parametrize("people", [1, 3])
def test_a_reference_of_hardly_anybody(
    tmp_path: Path, park_text: str, park_people: Callable[..., pl.DataFrame], people: int
) -> None:
    (tmp_path / "study.toml").write_text(unsplit(park_text), "utf-8")
    park_people(people).write_csv(tmp_path / "people.csv")
    warehouse = Warehouse.create(tmp_path / "w")
    done = import_panel(warehouse, tmp_path / "study.toml", tmp_path / "people.csv")
    assert any("in the holdout" in note and "no verdict" in note for note in done.notes)
    assert any("nothing can be tuned" in note for note in done.notes)
    made = Road(warehouse, tmp_path / "study.toml", done.panel_id)
    made.panel(park_people(5, 3).drop("person"), "five")
    made.finish()
    verdicts = warehouse.sql("SELECT verdict, fit FROM scorecard WHERE panel_id <> reference_id")
    assert set(verdicts["verdict"]) <= {"too few respondents", "undefined"}
    assert set(verdicts["fit"]) == {"undecided"}


@pytest.mark.parametrize(
    ("column", "bad", "said"),
    [
        ("wt", "1e300", "too large to add up"),
        ("wt", "", "no weight"),
        ("wt", "inf", "is no weight"),
        ("wt", "NaN", "is no weight"),
        ("wt", "-1", "is negative"),
        ("age", "inf", "no number from 18 to 99"),
        ("age", "-inf", "no number from 18 to 99"),
        ("age", "nan", "no number from 18 to 99"),
        ("age", "1e300", "no number from 18 to 99"),
        ("q1", "nan", "no option of item 'green'"),
        ("person", "", "has no id"),
        ("person", "p001", "stands in lines 3, 5 (rows 2, 4 of the data)"),
    ],
)
def test_numbers_that_are_none_are_refused_with_their_row(
    tmp_path: Path, park_text: str, park_people: Callable[..., pl.DataFrame], column: str, bad: str, said: str
) -> None:
    frame = park_people(60).with_columns(
        pl.when(pl.int_range(60) == 3).then(pl.lit(bad or None, pl.String)).otherwise(column).alias(column)
    )
    with pytest.raises(DataError) as caught:
        road(tmp_path, park_text, frame)
    for part in (
        "people.csv",
        said,
        "mend: ",
        *(() if "add up" in said else ("line 5 (row 4 of the data)",) if column != "person" else ()),
    ):
        assert part in str(caught.value)
    assert Warehouse.open(tmp_path / "w").sql("FROM panels").is_empty()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_floats_of_a_parquet_file(
    tmp_path: Path, park_text: str, park_people: Callable[..., pl.DataFrame], value: float
) -> None:
    """NaN in a float column is how pandas writes a blank; infinity is no answer anywhere."""
    frame = park_people(60).with_columns(
        age=pl.when(pl.int_range(60) == 3).then(value).otherwise(pl.col("age").cast(pl.Float64, strict=False))
    )
    (tmp_path / "study.toml").write_text(park_text, "utf-8")
    frame.write_parquet(tmp_path / "people.parquet")
    warehouse = Warehouse.create(tmp_path / "w")
    if np.isinf(value):
        with pytest.raises(DataError, match="age: row 4: inf is no number"):
            import_panel(warehouse, tmp_path / "study.toml", tmp_path / "people.parquet")
        return
    import_panel(warehouse, tmp_path / "study.toml", tmp_path / "people.parquet")
    blanks = warehouse.sql("SELECT count(*) FROM responses WHERE item_id = 'age' AND missing AND value IS NULL").item()
    assert blanks == frame["age"].is_null().sum() + frame["age"].is_nan().sum()


def test_a_weight_that_dwarfs_all_others_still_counts_as_one_person(
    tmp_path: Path, park_text: str, park_people: Callable[..., pl.DataFrame]
) -> None:
    place = park_people(60)["q1"].to_list().index("2")
    huge = pl.when(pl.int_range(60) == place).then(pl.lit("1e90")).otherwise("wt")
    made = road(tmp_path, park_text, park_people(60).with_columns(wt=huge))
    made.panel(park_people(60, 3).drop("person"), "plain")
    made.finish()
    shares = made.warehouse.sql(
        "SELECT code, p FROM shares WHERE item_id = 'green' AND attribute = 'all' AND panel_id <> reference_id"
    )
    assert dict(shares.iter_rows()) == {code: pytest.approx(float(code == "2")) for code in "123"}


def test_ten_thousand_options(tmp_path: Path, park_text: str, park_people: Callable[..., pl.DataFrame]) -> None:
    options = ", ".join(f'{{ code = {place}, label = "town {place}" }}' for place in range(10_000))
    town = f'\n[[item]]\nid = "town"\nlabel = "Town"\nscale = "nominal"\nrole = "attitude"\noptions = [{options}]\n'
    rng = np.random.default_rng(5)

    def people(n: int, seed: int) -> pl.DataFrame:
        return park_people(n, seed).with_columns(town=pl.Series(rng.integers(0, 10_000, n)).cast(pl.String))

    made = road(tmp_path, park_text + town, people(60, 1))
    s = people(60, 3).drop("person")
    made.panel(s, "many")
    made.finish()
    assert "town" in made.pages()
    rows = made.warehouse.sql("""
        SELECT code, p, q FROM shares WHERE item_id = 'town' AND attribute = 'all' AND panel_id <> reference_id
    """)
    assert rows.height == 10_000
    expected = s.with_columns(pl.col("wt").cast(pl.Float64)).group_by(code="town").agg(q=pl.col("wt").sum())
    joined = expected.join(rows, on="code", suffix="_sql")
    assert joined["q_sql"].to_list() == pytest.approx((joined["q"] / expected["q"].sum()).to_list())
    point = made.warehouse.sql("""
        SELECT estimate FROM divergence WHERE item_id = 'town' AND metric = 'js_distance' AND attribute = 'all'
    """)
    assert rows.select(sm.js_distance("p", "q")).item() == pytest.approx(point.item())


class Shown(HTMLParser):
    """The text of a page, as a reader sees it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_any_script_and_any_mark_in_labels_codes_and_columns(
    tmp_path: Path, park_text: str, park_people: Callable[..., pl.DataFrame]
) -> None:
    quoted = json.dumps(ODD, ensure_ascii=False)
    text = park_text.replace('column = "q1"', f"column = {quoted}")
    text = text.replace('code = "house", label = "a house"', f"code = {quoted}, label = {quoted}")
    text = text.replace('label = "Likes green"', f"label = {quoted}")

    def people(n: int, seed: int) -> pl.DataFrame:
        return park_people(n, seed).with_columns(pl.col("home").replace({"house": ODD})).rename({"q1": ODD})

    made = road(tmp_path, text, people(60, 1))
    s = people(60, 3).drop("person")
    made.panel(s, ODD)
    made.finish()
    page = Shown(made.pages())
    assert ODD in page.text
    assert "script" not in page.tags
    assert "b" not in page.tags
    # SQL: as a parameter, and as the study's own columns.
    groups = made.warehouse.sql(
        """
        SELECT n_s FROM subgroups
        WHERE attribute = 'home' AND level = ? AND item_id = 'green' AND metric = 'js_distance'
        """,
        [ODD],
    )
    answered = s.filter((pl.col("home") == ODD) & pl.col(ODD).is_in(["1", "2", "3", "YES!"]))
    assert groups["n_s"].to_list() == [answered.height]
    wide = made.warehouse.sql("SELECT home, home_label FROM wide_park WHERE home = ?", [ODD])
    assert set(wide.rows()) == {(ODD, ODD)}
    assert made.warehouse.sql("SELECT count(*) FROM panels").item() == 2
    # Polars: columns of any name.
    counts = made.warehouse.sql("SELECT n_h, n_s FROM shares WHERE item_id = 'green' AND attribute = 'all'")
    renamed = counts.rename({"n_h": ODD, "n_s": ODD + "2"})
    assert (
        renamed.select(sm.total_variation(ODD, ODD + "2")).item()
        == counts.select(sm.total_variation("n_h", "n_s")).item()
    )


@pytest.mark.parametrize("name", ["o'neil", 'a"b', "größe", "日本", "a b", "a;b", ""])
def test_an_id_holds_plain_letters_alone(park_text: str, name: str) -> None:
    """Ids become columns and folders; a refusal that names the mend, never a broken query later."""
    for before in ('id = "green"', 'id = "park"', 'id = "walk"'):
        with pytest.raises(StudyError) as caught:
            parse_study(park_text.replace(before, f"id = {json.dumps(name, ensure_ascii=False)}", 1), "x")
        assert "mend: " in str(caught.value)


def test_a_study_that_changes_is_versioned_and_never_mixed(
    tmp_path: Path, park_text: str, park_people: Callable[..., pl.DataFrame]
) -> None:
    made = road(tmp_path, park_text, park_people(60))
    old = made.panel(park_people(60, 3).drop("person"), "old")
    made.finish()
    before = made.warehouse.sql("FROM alignment ORDER BY ALL")
    made.study.write_text(park_text.replace('label = "somewhat"', 'label = "a little"'), "utf-8")
    # Answers under the changed study do not join the old people.
    with pytest.raises(DataError, match="version") as caught:
        made.panel(park_people(60, 3).drop("person"), "mixed")
    assert "give the study file that the reference was imported with" in str(caught.value)
    people = import_panel(made.warehouse, made.study, tmp_path / "people.csv")
    assert people.fresh
    again = Road(made.warehouse, made.study, people.panel_id)
    # The report keeps to the version that has panels, and says that there is a newer one.
    found = collect(made.warehouse.layout.root)
    assert found.reference.panel_id == made.reference
    assert [(version.newer, version.panels) for version in found.versions] == [(True, 0)]
    new = again.panel(park_people(60, 3).drop("person"), "new")
    again.finish()
    rows = made.warehouse.sql("SELECT DISTINCT panel_id, reference_id FROM alignment WHERE panel_id <> reference_id")
    assert set(rows.rows()) == {(old, made.reference), (new, people.panel_id)}
    kept = made.warehouse.sql("FROM alignment WHERE panel_id IN (?, ?) ORDER BY ALL", [old, made.reference])
    assert_frame_equal(kept, before)
    cards = made.warehouse.sql("SELECT panel_id, baseline_panel_id, base_panel_id FROM scorecard")
    assert cards["baseline_panel_id"].null_count() == cards["base_panel_id"].null_count() == cards.height
    assert {found.panels[0].panel_id, collect(made.warehouse.layout.root).panels[0].panel_id} == {old, new}


def test_a_panel_whose_reference_answered_another_version_is_not_evaluated(
    tmp_path: Path, park_text: str, park_people: Callable[..., pl.DataFrame]
) -> None:
    """Published by hand, past the checks of an import."""
    from simframe.warehouse import Provenance

    made = road(tmp_path, park_text, park_people(60))
    changed = parse_study(park_text.replace("somewhat", "a little"), "x")
    responses = made.warehouse.table(made.reference, "responses").filter(pl.col("item_id") != "score")
    respondents = made.warehouse.table(made.reference, "respondents")
    provenance = Provenance("mixed", "simulated", "mixed", "x", "tuned", reference_id=made.reference)
    text = park_text.replace("somewhat", "a little")
    made.warehouse.publish(changed, text, provenance, respondents, responses)
    with pytest.raises(InferenceError, match="answered another version of study"):
        evaluate_panels(made.warehouse, ["mixed"], lambda done, total: None, replicates=20)
    assert made.warehouse.sql("FROM comparisons").is_empty()
    with pytest.raises(SimframeError):
        evaluate_panels(made.warehouse, None, lambda done, total: None, replicates=20)
