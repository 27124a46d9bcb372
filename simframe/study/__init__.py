"""What was asked: study files, checked; built-in studies."""

from simframe.study.base import canonical_number
from simframe.study.item import Bin, Item, Option
from simframe.study.loader import builtin_names, load_study, parse_study, study_text
from simframe.study.parts import Crossing, Pair, Regression, Structure
from simframe.study.schema import Study
from simframe.study.thresholds import Thresholds

__all__ = [
    "Bin",
    "Crossing",
    "Item",
    "Option",
    "Pair",
    "Regression",
    "Structure",
    "Study",
    "Thresholds",
    "builtin_names",
    "canonical_number",
    "load_study",
    "parse_study",
    "study_text",
]
