"""Audits in a warehouse: which adapters there are, on which bases, and what was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simframe.errors import ModelError, PlanError, did_you_mean
from simframe.simulate import models
from simframe.simulate.drift.audit import AuditSettings, drift, load_probes, made_of
from simframe.simulate.runner import Humans, find_humans
from simframe.warehouse.audits import audit_id, publish_audit
from simframe.warehouse.layout import ANCHOR, locked

if TYPE_CHECKING:
    from simframe.study import Study
    from simframe.warehouse import Warehouse


@dataclass(frozen=True)
class Audited:
    """One adapter, audited now or before."""

    audit_id: str
    what: str
    """The panel or adapter that was asked for."""
    fresh: bool


@dataclass(frozen=True)
class Target:
    """An adapter to audit, the people whose personas are asked, and where its base may stand."""

    what: str
    panel_id: str | None
    adapter_dir: Path
    human_panel: str | None
    bases: tuple[Path, ...]
    given: Path | None = None
    """The folder that was said to be its base."""

    def base_dir(self) -> Path:
        """Return the folder of the model that the adapter was tuned on.

        Raises:
            PlanError: where it is none of those known, or the one given is another.
            ModelError: where the one given is no model.
        """
        wanted = models.provenance(self.adapter_dir).get("base_fingerprint")
        if self.given is not None:
            models.check_base(self.given)
            if (found := _fingerprint(self.given)) == wanted:
                return self.given
            message = f"its base has the fingerprint {wanted}, and {self.given} has {found}"
            mend = "give --base the folder of the very model that it was tuned on; simframe models show says which"
            raise PlanError(message, where=self.what, mend=mend)
        for folder in self.bases:
            with suppress(ModelError):  # whatever else is broken is no base of this adapter
                if folder.is_dir() and _fingerprint(folder) == wanted:
                    return folder
        mend = "name the folder of the model that it was tuned on: --base FOLDER"
        raise PlanError("its base is not in the warehouse", where=self.what, mend=mend)


def _fingerprint(folder: Path) -> str:
    return models.provenance(folder).get("base_fingerprint") or models.fingerprint(folder)


def audit(
    warehouse: Warehouse,
    names: Sequence[str] = (),
    *,
    base: Path | None = None,
    probes: Study | None = None,
    settings: AuditSettings | None = None,
    bars: Callable[[str], Callable[[int, int], None]],
) -> list[Audited]:
    """Audit adapters and publish what is found; audits that are there already stay as they are.

    Args:
        warehouse: where adapters and panels are.
        names: tuned panels, or folders of adapters in the warehouse; every tuned panel where empty.
        base: folder of the model they were tuned on, where it is none of the warehouse's.
        probes: what is asked; the built-in probes where left out.
        settings: how many are asked, and draws.
        bars: starts a progress bar by its title.

    Raises:
        PlanError: where there is nothing to audit, or a base is not to be found.
        ModelError: where a model cannot be used.
    """
    settings, probes = settings or AuditSettings(), probes or load_probes()
    found = list(_targets(warehouse, names, base))
    if not found:
        mend = "simulate a plan with strategy = 'tuned' first"
        raise PlanError("no tuned panel to audit", where=str(warehouse.layout.root), mend=mend)
    done: dict[str, Audited] = {}
    for target in found:
        humans = _humans(warehouse, target)
        _, personas = humans.personas()
        if personas.is_empty():
            mend = "declare who the respondents are: items with role = 'persona'"
            raise PlanError("the study has no persona items", where=humans.study.id, mend=mend)
        base_dir = target.base_dir()
        of = made_of(base_dir, target.adapter_dir, humans.study, personas, probes=probes, settings=settings)
        name = audit_id(of)
        if name in done:  # panels that share an adapter
            continue
        with locked(warehouse.layout, f"drift-{name}"):
            fresh = not warehouse.layout.drift(name).exists()
            if fresh:
                bar = bars(f"Auditing: {target.what}")
                rows = drift(
                    base_dir, target.adapter_dir, humans.study, personas, probes=probes, settings=settings, progress=bar
                )
                publish_audit(warehouse.layout, of, rows, panel_id=target.panel_id)
        done[name] = Audited(name, target.what, fresh)
    return list(done.values())


def _targets(warehouse: Warehouse, names: Sequence[str], base: Path | None) -> Iterator[Target]:
    layout = warehouse.layout
    adapters = {
        folder.name: folder for folder in sorted(layout.models.glob("adapter-*")) if folder.name != f"adapter-{ANCHOR}"
    }
    by_fingerprint: dict[str | None, Path] = {}
    for folder in adapters.values():
        with suppress(ModelError):  # what is broken blocks nothing but itself
            by_fingerprint[models.provenance(folder).get("adapter_fingerprint")] = folder
    panels = {
        row["panel_id"]: row
        for row in warehouse.sql("""
            SELECT panel_id, reference_id, adapter_fingerprint, settings FROM panels
            WHERE strategy = 'tuned' AND adapter_fingerprint IS NOT NULL ORDER BY created_at, panel_id
        """).iter_rows(named=True)
    }
    held = tuple(folder for folder in sorted(layout.models.glob("*")) if folder.name not in adapters)
    held = tuple(folder for folder in held if (folder / "config.json").is_file())
    for name in names or panels:
        if name in panels:
            row = panels[name]
            adapter = by_fingerprint.get(row["adapter_fingerprint"])
            if adapter is None:
                mend = "simulate its plan again in this warehouse; simframe models ls shows folders that are broken"
                raise PlanError("its adapter is not in the warehouse", where=f"panel {name}", mend=mend)
            bases = (*held, *_named(json.loads(row["settings"])))
            yield Target(name, name, adapter, row["reference_id"], bases, base)
        elif name in adapters:
            yield Target(name, None, adapters[name], None, held, base)
        else:
            known = did_you_mean(name, [*panels, *adapters])
            raise PlanError(f"{name!r} is no tuned panel and no adapter", where=str(layout.root), mend=known)


def _named(settings: dict[str, Any]) -> Iterator[Path]:
    """Return the folders that a panel's plan names as models."""
    names = settings.get("plan", {}).get("model", ())
    for name in names if isinstance(names, list) else [names]:
        folder = Path(str(name)).expanduser()
        if folder.is_dir():
            yield folder


def _humans(warehouse: Warehouse, target: Target) -> Humans:
    if target.human_panel is not None:
        return find_humans(warehouse, None, target.human_panel)
    return find_humans(warehouse, models.provenance(target.adapter_dir).get("study_id"))
