"""How people's data comes in: files read, answers recoded to the study's codes, respondents split."""

from simframe.ingest.panel import Imported, import_panel
from simframe.ingest.read import builtin_data, read_data
from simframe.ingest.recode import recode
from simframe.ingest.simulated import import_simulated
from simframe.ingest.split import assign_split

__all__ = ["Imported", "assign_split", "builtin_data", "import_panel", "import_simulated", "read_data", "recode"]
