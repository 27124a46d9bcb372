"""What may be concluded: regressions, intervals, floors and p-values."""

from simframe.inference.evaluate import Evaluation, evaluate
from simframe.inference.panels.sample import Panel
from simframe.inference.record import Recorded, evaluate_panel, evaluate_panels
from simframe.inference.regressions.fits import fits_of
from simframe.inference.regressions.regression import Fit, fit

__all__ = ["Evaluation", "Fit", "Panel", "Recorded", "evaluate", "evaluate_panel", "evaluate_panels", "fit", "fits_of"]
