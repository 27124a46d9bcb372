"""The columns of every Parquet table in the warehouse, in one place.

Types are fixed when a panel is published: DuckDB's ``union_by_name`` would otherwise let one panel with text in a
numeric column turn that column into text for all panels.
"""

from __future__ import annotations

import pyarrow as pa

TEXT, REAL, WHOLE, FLAG = pa.string(), pa.float64(), pa.int64(), pa.bool_()
INSTANT = pa.timestamp("us", tz="UTC")


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, dtype) for name, dtype in columns.items()])


PANEL = {
    "panel": _schema(
        panel_id=TEXT,
        study_id=TEXT,
        study_hash=TEXT,
        kind=TEXT,  # human, simulated, baseline
        label=TEXT,  # what people call it: "tuned on 100"
        source=TEXT,  # data file, model name or baseline name
        strategy=TEXT,  # survey, imported, base, tuned, or a baseline's name
        plan_id=TEXT,
        plan_hash=TEXT,
        reference_id=TEXT,  # human panel it is judged against; null for human panels
        reference_split=TEXT,  # part of that panel: holdout
        # What a plan sets; null where it plays no part. docs/guides/plan-files.md says what each means.
        pilot_n=WHOLE,
        pilot_selection=TEXT,
        pilot_by=TEXT,  # item that the selection looks at
        pilot_arm=TEXT,  # JSON: item -> code of the people it was chosen among
        seed=WHOLE,
        model=TEXT,
        engine=TEXT,
        mode=TEXT,
        prompt=TEXT,
        fields=TEXT,  # JSON: persona items shown
        shots=WHOLE,
        item_order=TEXT,
        option_order=TEXT,
        order_average=WHOLE,
        chat=TEXT,  # auto, true or false
        temperature=REAL,
        copies=WHOLE,
        wave=FLAG,
        tune=TEXT,  # JSON: settings of the tuning that the plan names
        base_fingerprint=TEXT,
        adapter_fingerprint=TEXT,
        template_hash=TEXT,
        n_respondents=WHOLE,
        n_responses=WHOLE,
        tokens=WHOLE,
        seconds=REAL,
        created_at=INSTANT,
        simframe_version=TEXT,
        versions=TEXT,  # JSON: package -> version
        settings=TEXT,  # JSON: everything that shaped the panel
        files=TEXT,  # JSON: file -> {sha256, rows}
    ),
    "respondents": _schema(
        respondent_id=TEXT,
        twin_of=TEXT,  # the human whose persona a simulated respondent was given
        weight=REAL,
        split=TEXT,  # wave, pilot, rectify, holdout; a twin has its human's
        draw=WHOLE,  # rank in the seeded order within the split: the pilot of n is draw < n
        stratum=TEXT,
        cluster=TEXT,
    ),
    "responses": _schema(
        respondent_id=TEXT,
        item_id=TEXT,
        code=TEXT,  # option code; bin code of an interval item; null where there is none
        value=REAL,  # option value, or the number given; null where missing
        missing=FLAG,  # no answer, or an option declared missing
        text=TEXT,
        probabilities=pa.list_(REAL),  # one per valid option, in declared order; null for people
        option_mass=REAL,  # probability the model gave all options together, under its full vocabulary
        position=WHOLE,  # place in the questionnaire as asked, from 0; null for persona and derived items
        shown=pa.list_(WHOLE),  # places of the valid options in the order shown; null where that is the declared one
    ),
    "cells": _schema(
        item_id=TEXT,
        split=TEXT,
        attribute=TEXT,  # all, an item id, or two joined by *
        level=TEXT,  # all, a level code, or two joined by *
        code=TEXT,
        value=REAL,
        missing=FLAG,
        n=WHOLE,
        w=REAL,
        w2=REAL,
    ),
    "memberships": _schema(
        respondent_id=TEXT,
        attribute=TEXT,  # an item id, or two joined by *
        level=TEXT,  # a level code, or two joined by *
    ),
    "crosstabs": _schema(
        pair_id=TEXT,
        split=TEXT,
        attribute=TEXT,
        level=TEXT,
        stratum=TEXT,  # codes of the pair's controls joined by *; null: all of them together
        belief_code=TEXT,
        action_code=TEXT,
        n=WHOLE,
        w=REAL,
        w2=REAL,
    ),
    "structures": _schema(
        structure_id=TEXT,
        split=TEXT,
        attribute=TEXT,
        level=TEXT,
        structure=TEXT,  # JSON list of codes, in the order the block declares its items
        n=WHOLE,
        w=REAL,
    ),
}
"""Files of one published panel, ``data/panel=<panel_id>/<name>.parquet``."""

STUDY = {
    "study": _schema(study_id=TEXT, study_hash=TEXT, title=TEXT, description=TEXT),
    "items": _schema(
        study_id=TEXT,
        study_hash=TEXT,
        item_id=TEXT,
        position=WHOLE,
        label=TEXT,
        wording=TEXT,
        scale=TEXT,
        role=TEXT,
        unit=TEXT,
        low=REAL,
        high=REAL,
        derived=FLAG,
        subgroup=FLAG,
        asked=FLAG,  # a closed question that a simulated respondent answers
    ),
    "options": _schema(
        study_id=TEXT,
        study_hash=TEXT,
        item_id=TEXT,
        code=TEXT,
        label=TEXT,
        value=REAL,
        missing=FLAG,
        position=WHOLE,
        kind=TEXT,  # option; category: declared missing, and counted as an answer; bin of an item without options
    ),
    "levels": _schema(
        study_id=TEXT, study_hash=TEXT, attribute=TEXT, level=TEXT, label=TEXT, position=WHOLE, crossing=FLAG
    ),
    "blocks": _schema(study_id=TEXT, study_hash=TEXT, structure_id=TEXT, label=TEXT, items=pa.list_(TEXT)),
    "pairs": _schema(
        study_id=TEXT,
        study_hash=TEXT,
        pair_id=TEXT,
        label=TEXT,
        belief=TEXT,
        action=TEXT,
        controls=pa.list_(TEXT),
    ),
    "implications": _schema(study_id=TEXT, study_hash=TEXT, pair_id=TEXT, belief_code=TEXT, action_code=TEXT),
    "regressions": _schema(
        study_id=TEXT,
        study_hash=TEXT,
        regression_id=TEXT,
        label=TEXT,
        formula=TEXT,
        family=TEXT,
        weighted=FLAG,
        covariance=TEXT,
    ),
}
"""Files of one study version, ``studies/<study_id>/<study_hash>/<name>.parquet``, beside ``study.toml``."""

ADAPTER = {
    # How the loss of an adapter went while it was tuned, in nats an answer.
    "learning_curve": _schema(
        adapter_id=TEXT,  # its folder in models/
        adapter_fingerprint=TEXT,
        base_fingerprint=TEXT,
        study_id=TEXT,
        study_hash=TEXT,
        pilot_n=WHOLE,
        seed=WHOLE,
        steps=WHOLE,  # that it was tuned for in the end
        fit=TEXT,  # fold 1, fold 2, ...; mean of folds; refit: on the whole pilot, nobody held out
        step=WHOLE,
        held_loss=REAL,  # of the people held out; null in the refit
        train_loss=REAL,  # mean of the steps since the row before
    ),
}
"""Files of one adapter that SQL reads, ``models/<adapter_id>/<name>.parquet``."""

DECLARATION = {
    "thresholds": _schema(
        study_id=TEXT,
        study_hash=TEXT,
        place=WHOLE,  # of the declaration among those of this version, from 1
        name=TEXT,
        value=REAL,  # null where a margin is not set
        default_value=REAL,
        declared=FLAG,  # by the study file; the default counts where it is silent
        declared_at=INSTANT,
    ),
}
"""Files of one declaration of thresholds, ``data/thresholds=<declaration_id>/<name>.parquet``."""

EVALUATION = {
    "evaluation": _schema(
        evaluation_id=TEXT,
        panel_id=TEXT,
        reference_id=TEXT,
        reference_split=TEXT,
        study_id=TEXT,
        study_hash=TEXT,
        replicates=WHOLE,
        seed=WHOLE,
        seconds=REAL,
        created_at=INSTANT,
        simframe_version=TEXT,
        settings=TEXT,
        files=TEXT,
    ),
    # Uncertainty of one metric of one panel; the point estimate itself is always the SQL view's.
    "estimates": _schema(
        family=TEXT,
        metric=TEXT,
        item_id=TEXT,  # null: mean over the asked items
        item_id_2=TEXT,
        attribute=TEXT,
        level=TEXT,
        term=TEXT,
        estimate=REAL,
        ci_low=REAL,
        ci_high=REAL,
        floor=REAL,
        floor_q95=REAL,
        p_value=REAL,
        reason=TEXT,
        n_h=WHOLE,  # answers behind the figure, people and panel; for a mean, the fewest of any item in it
        n_s=WHOLE,
        effective_h=REAL,  # respondents of equal weight that tell as much; null where the views know it themselves
        effective_s=REAL,
    ),
    "fits": _schema(
        panel_id=TEXT,
        split=TEXT,  # all, or the part of the panel that was fitted
        attribute=TEXT,  # and who of it: all, or a level of a subgroup
        level=TEXT,
        regression_id=TEXT,
        family=TEXT,
        n=WHOLE,
        effective=REAL,  # respondents of equal weight that tell as much as those fitted; n without weights
        df_model=REAL,
        llf=REAL,
        fit=REAL,  # R2 of ols, McFadden's pseudo R2 of the others
        aic=REAL,
        reason=TEXT,  # why there are no coefficients; null where there are
    ),
    "coefficients": _schema(
        panel_id=TEXT,
        split=TEXT,
        attribute=TEXT,
        level=TEXT,
        regression_id=TEXT,
        term=TEXT,  # name, with the outcome's code before a colon for mnlogit: "1:selfLR"
        kind=TEXT,  # slope, intercept, threshold
        estimate=REAL,
        se=REAL,
        p_value=REAL,
        ci_low=REAL,
        ci_high=REAL,
        # Of a compared panel: at the n of its reference's fit, where its own is larger; the difference from people.
        p_value_equal_n=REAL,
        ci_low_equal_n=REAL,
        ci_high_equal_n=REAL,
        p_difference=REAL,
    ),
}
"""Files of one evaluation, ``data/evaluation=<evaluation_id>/<name>.parquet``."""

DRIFT = {
    "drift": _schema(
        audit_id=TEXT,
        panel_id=TEXT,  # the tuned panel that was asked for; null where an adapter was
        adapter_fingerprint=TEXT,
        base_fingerprint=TEXT,
        template_hash=TEXT,
        study_id=TEXT,  # what the adapter was tuned on
        study_hash=TEXT,
        probes_id=TEXT,
        probes_hash=TEXT,
        scope=TEXT,  # study: the questions tuned on; probes: what tuning should have left alone
        measure=TEXT,
        item_id=TEXT,  # null: mean over what the measure was asked of, with its interval; a pair's id for acquiescence
        base=REAL,
        tuned=REAL,
        change=REAL,  # tuned less base
        ci_low=REAL,
        ci_high=REAL,
        n_items=WHOLE,
        n_respondents=WHOLE,
        replicates=WHOLE,
        seed=WHOLE,
        reason=TEXT,  # why there is no number
        created_at=INSTANT,
        simframe_version=TEXT,
    ),
}
"""Files of one audit of an adapter, ``data/drift=<audit_id>/<name>.parquet``."""

RESULT = (
    "study_id",
    "panel_id",
    "reference_id",
    "family",
    "metric",
    "item_id",
    "item_id_2",
    "attribute",
    "level",
    "term",
    "estimate",
    "ci_low",
    "ci_high",
    "floor",
    "floor_q95",
    "p_value",
    "n_h",
    "n_s",
    "effective_h",
    "effective_s",
    "reason",
)
"""Columns of the view ``alignment``: one row a number."""

ALL = "all"
"""Attribute and level of everybody together."""
CROSS = "*"
"""Joins two attributes, and two levels, of a crossing."""
