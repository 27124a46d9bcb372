"""Reading a page back: its elements, tables and text, by the standard library's own parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr", "col"}


@dataclass
class Read(HTMLParser):
    """What a page holds; refuses elements that do not close as they opened."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    text: dict[str, list[str]] = field(default_factory=dict)
    """Texts by the element they stand in."""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.rows: list[list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "table":
            self.rows = self.tables.setdefault(str(given["aria-label"]), [])
        if tag == "tr" and self.rows is not None:
            self.rows.append([])
        if tag in ("td", "th") and self.rows is not None:
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"
        if tag == "table":
            self.rows = None

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)
            if self.open[-1] in ("td", "th") and self.rows is not None:
                self.rows[-1][-1] += data


def read(page: str) -> Read:
    found = Read()
    found.feed(page)
    found.close()
    assert not found.open, f"never closed: {found.open}"
    return found


def value(cell: str) -> float | None:
    """Return the number a cell shows, None for a dash."""
    return None if cell == "–" else float(cell.replace("−", "-").split(" ")[0].rstrip(",").replace("%", ""))
