"""The page in a real browser that has no network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .browser import Tab, tab
from .conftest import EVIL
from .test_page import SECTIONS


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    binary = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
    )
    if not binary:
        pytest.skip("no chromium on PATH: make browser installs it")
    with tab(binary, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def file(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page, "utf-8")
    return path


@pytest.mark.parametrize("width", [360, 1400])
def test_page_opens_without_network_and_without_complaint(chromium: Tab, file: Path, width: int) -> None:
    chromium.open(file, width)
    assert [url for url in chromium.requests() if not url.startswith("data:")] == [file.as_uri()]
    assert chromium.complaints() == []
    assert EVIL in chromium.evaluate("document.title")
    assert chromium.evaluate("document.scripts.length") == 0
    for section in ("answer", *SECTIONS):
        box = f"document.getElementById('{section}').getBoundingClientRect()"
        assert chromium.evaluate(f"{box}.height") > 60, section
        assert chromium.evaluate(f"{box}.width") > width * 0.7, section
    # Wide tables scroll within themselves; the page does not scroll sideways.
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    charts = "[...document.querySelectorAll('svg.chart')]"
    assert chromium.evaluate(f"{charts}.length") > 10
    assert chromium.evaluate(f"{charts}.every(c => c.getBoundingClientRect().width > 250 && c.getBBox().height > 20)")


def test_labels_of_charts_stay_on_the_paper(chromium: Tab, file: Path) -> None:
    chromium.call("Emulation.setEmulatedMedia", media="print")
    try:
        chromium.open(file, 763)  # what the page's margins leave of A4
        left = "[...document.querySelectorAll('svg.chart text')].map(text => text.getBoundingClientRect().left)"
        assert chromium.evaluate(f"Math.min(...{left})") >= 0
    finally:
        chromium.call("Emulation.setEmulatedMedia", media="")


def test_the_check_itself_sees_what_a_bad_page_does(chromium: Tab, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<title>bad</title><img src='http://example.org/x.png'><script>console.error('ouch')</script>", "utf-8"
    )
    chromium.open(bad, 800)
    assert "http://example.org/x.png" in chromium.requests()
    assert any("ouch" in text for text in chromium.complaints())
