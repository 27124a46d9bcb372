"""One wide view a study in the catalog: a row a respondent, a column an item."""

from __future__ import annotations

from simframe.study import Study
from simframe.warehouse.layout import Layout
from simframe.warehouse.studies import stored_study


def quote_name(name: str) -> str:
    """Return ``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return ``text`` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def wide_views(layout: Layout, versions: list[tuple[str, str]]) -> list[str]:
    """Return the statements of one wide view a study: ``wide_<study>`` of its newest version, others with its hash."""
    statements = []
    found: dict[str, list[tuple[float, Study]]] = {}
    for study_id, study_hash in versions:
        study = stored_study(layout, study_id, study_hash)
        age = (layout.study(study_id, study_hash) / "study.toml").stat().st_mtime
        found.setdefault(study_id, []).append((age, study))
    for study_id, aged in found.items():
        *older, newest = (study for _, study in sorted(aged, key=lambda pair: (pair[0], pair[1].study_hash)))
        statements += _wide_view(f"wide_{study_id}", newest)
        for study in older:
            statements += _wide_view(f"wide_{study_id}_{study.study_hash}", study)
    return statements


def _wide_view(name: str, study: Study) -> list[str]:
    columns = []
    for item in study.items:
        own = f"item_id = {quote_text(item.id)} AND NOT r.missing"
        content = "r.text" if item.scale == "text" else "r.value" if item.numeric else "r.code"
        columns.append(f"max({content}) FILTER ({own}) AS {quote_name(item.id)}")
        if item.grid:
            columns.append(f"max(o.label) FILTER ({own}) AS {quote_name(item.id + '_label')}")
    text = f"One row a respondent, one column an item of {study.title} (version {study.study_hash}), labels beside."
    statement = f"""
        CREATE OR REPLACE VIEW {quote_name(name)} AS
        SELECT panel_id, any_value(p.kind) AS kind, any_value(p.label) AS panel_label, respondent_id,
            any_value(s.twin_of) AS twin_of, any_value(s.split) AS split, any_value(s.draw) AS draw,
            any_value(s.weight) AS weight, any_value(s.stratum) AS stratum, any_value(s.cluster) AS cluster,
            {", ".join(columns)}
        FROM responses r
        JOIN panels p USING (panel_id)
        JOIN respondents s USING (panel_id, respondent_id)
        LEFT JOIN options o USING (study_id, study_hash, item_id, code)
        WHERE p.study_id = {quote_text(study.id)} AND p.study_hash = {quote_text(study.study_hash)}
        GROUP BY panel_id, respondent_id
    """  # noqa: S608 - every name is a validated id, quoted
    return [statement, f"COMMENT ON VIEW {quote_name(name)} IS {quote_text(text)}"]
