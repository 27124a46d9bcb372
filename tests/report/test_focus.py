"""Which panels the page is about, and which it sets beside them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from simframe.report.collect import choose_focus
from simframe.report.findings import Panel, Score

NOTHING = Panel(**{each.name: None for each in fields(Panel)} | {"pilot_n": 0, "wave": False, "way": ""})  # type: ignore[arg-type]


def panel(panel_id: str, strategy: str, pilot: int = 0, **more: Any) -> Panel:
    kind = "simulated" if strategy in ("base", "tuned") else "baseline"
    told = {"panel_id": panel_id, "kind": kind, "strategy": strategy, "pilot_n": pilot, "base_fingerprint": "b"}
    return replace(NOTHING, **told | more)


def scores(**estimates: tuple[float, str | None]) -> list[Score]:
    empty: dict[str, Any] = dict.fromkeys(each.name for each in fields(Score))
    return [
        Score(**empty | {"panel_id": panel_id, "axis": "marginals", "estimate": estimate, "reason": reason})
        for panel_id, (estimate, reason) in estimates.items()
    ]


def test_the_untuned_model_is_one_that_was_asked_in_the_same_way() -> None:
    panels = [
        panel("plain", "base", way="first_person", published="1"),
        panel("book", "base", way="codebook", published="2"),
        panel("tuned", "tuned", 30, way="first_person", published="3"),
    ]
    assert choose_focus(panels, []).base == "plain"
    assert choose_focus(panels[1:], []).base is None, "nothing to compare with"


def test_the_logit_chain_is_that_of_the_same_seed_and_pilot_and_without_the_wave() -> None:
    chains = [panel(f"chain{seed}", "logit_chain", 30, seed=seed, published=str(seed)) for seed in (1, 2, 3)]
    others = [
        panel("other", "logit_chain", 10, seed=2, published="8"),
        panel("wave", "logit_chain", 30, seed=2, wave=True, published="9"),
    ]
    for seed, found in ((2, "chain2"), (7, "chain3")):
        tuned = panel("tuned", "tuned", 30, seed=seed, published="5")
        assert choose_focus([*chains, *others, tuned], []).logit_chain == found


def test_who_left_a_question_out_is_nearest_to_people_only_where_everybody_did() -> None:
    panels = [panel("all", "tuned", 30, published="1"), panel("some", "tuned", 30, published="2")]
    part = "mean of 2 of 3 asked items"
    assert choose_focus(panels, scores(all=(0.138, None), some=(0.047, part))).best == "all"
    assert choose_focus(panels, scores(all=(0.138, part), some=(0.047, part))).best == "some"
