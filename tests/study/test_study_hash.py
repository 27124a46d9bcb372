"""``study_hash`` follows what was asked, not how the file is laid out."""

from __future__ import annotations

import tomllib

import pytest

from simframe.study import Study, load_study, parse_study


def test_layout_comments_and_order_of_keys_do_not_matter(park: Study, park_text: str) -> None:
    commented = "# a comment\n\n" + park_text.replace("\n\n", "\n\n\n# another\n").replace(
        'id = "age"', 'id   =   "age"'
    )
    assert parse_study(commented, "x").study_hash == park.study_hash
    swapped = park_text.replace('id = "park"\ntitle = "A park"', 'title = "A park"\nid = "park"')
    assert swapped != park_text
    assert parse_study(swapped, "x").study_hash == park.study_hash


def test_keys_in_reverse_order_throughout(park: Study, park_text: str) -> None:
    def turned(raw: object) -> object:
        if isinstance(raw, dict):
            return {key: turned(raw[key]) for key in reversed(raw)}
        return [turned(part) for part in raw] if isinstance(raw, list) else raw

    raw = tomllib.loads(park_text)
    raw = raw.pop("study") | raw
    assert Study.model_validate(turned(raw)).study_hash == park.study_hash


def test_windows_line_ends_do_not_matter(park: Study, park_text: str) -> None:
    assert parse_study(park_text.replace("\n", "\r\n"), "x").study_hash == park.study_hash


def test_a_code_written_as_number_float_or_text_is_one_code(park: Study, park_text: str) -> None:
    for spelling in ("1.0", '"1"'):
        text = park_text.replace('{ code = 1, label = "no" }', f'{{ code = {spelling}, label = "no" }}')
        assert text != park_text
        assert parse_study(text, "x").study_hash == park.study_hash


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('title = "A park"', 'title = "The park"'),
        ('label = "no"', 'label = "No"'),
        ("pilot = 12", "pilot = 13"),
        ("max = 39", "max = 38"),
        ("{ 1 = 0, 3 = 1 }", "{ 1 = 0 }"),
        ('aliases = ["apartment"]', 'aliases = ["apartments"]'),
        ("green + age", "age + green"),
        ('weight = "wt"\n', ""),
        ('items = ["green", "visits"]', 'items = ["visits", "green"]'),
    ],
)
def test_every_change_of_content_is_another_version(park: Study, park_text: str, before: str, after: str) -> None:
    assert park_text.count(before) == 1
    assert parse_study(park_text.replace(before, after), "x").study_hash != park.study_hash


def test_thresholds_do_not_change_what_was_asked(park: Study, park_text: str) -> None:
    changed = parse_study(park_text + "\n[thresholds]\nsmall_group = 5\nmarginals_margin = 0.1\n", "x")
    assert changed.thresholds.small_group == 5
    assert changed.thresholds.declared == {"small_group", "marginals_margin"}
    assert changed.study_hash == park.study_hash


def test_counting_missing_options_changes_what_was_asked_and_setting_them_aside_does_not(park_text: str) -> None:
    green = 'column = "q1"'
    assert park_text.count(green) == 1
    asked = parse_study(park_text, "x").study_hash
    aside = parse_study(park_text.replace(green, f'{green}\nmissing = "exclude"'), "x")
    counted = parse_study(park_text.replace(green, f'{green}\nmissing = "category"'), "x")
    assert aside.study_hash == asked != counted.study_hash


def test_the_built_in_study_keeps_its_version() -> None:
    """Panels published under it before thresholds and missing policies existed stay comparable."""
    assert load_study("anes96").study_hash == "31191a1dadc0"
