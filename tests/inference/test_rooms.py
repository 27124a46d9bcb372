"""The rooms of ``simframe.inference`` import one way, as docs/architecture.md draws them."""

import ast
from pathlib import Path

import simframe.inference

HOME = Path(simframe.inference.__file__).parent
BELOW = {
    "drawing": set(),
    "judging": set(),
    "panels": {"drawing"},
    "regressions": {"panels", "drawing", "judging"},
    "counted": {"panels", "drawing", "judging"},
    "families": {"counted", "regressions", "panels", "drawing", "judging"},
}


def imported(path: Path) -> set[str]:
    """Rooms that a file imports from, its own left out."""
    modules = [node.module or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    parts = [module.split(".") for module in modules if module.startswith("simframe.inference")]
    return {part[2] if len(part) > 2 else "the whole" for part in parts} - {path.parent.name}


def test_every_room_imports_only_from_the_rooms_below() -> None:
    rooms = {path.name for path in HOME.iterdir() if (path / "__init__.py").exists()}
    assert rooms == set(BELOW)
    upward = {
        f"{path.parent.name}/{path.name}": imported(path) - BELOW[path.parent.name]
        for path in HOME.glob("*/*.py")
        if imported(path) - BELOW[path.parent.name]
    }
    assert upward == {}
