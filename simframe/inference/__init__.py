"""What may be concluded: regressions, intervals, floors and p-values."""

from simframe.inference.evaluate import Evaluation, evaluate
from simframe.inference.fits import fits_of
from simframe.inference.record import Recorded, evaluate_panel, evaluate_panels
from simframe.inference.regression import Fit, fit
from simframe.inference.sample import Panel

__all__ = ["Evaluation", "Fit", "Panel", "Recorded", "evaluate", "evaluate_panel", "evaluate_panels", "fit", "fits_of"]
