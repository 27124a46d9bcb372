"""simframe: can simulated respondents, tuned on a small human pilot, stand in for more people?

The rooms are imported by name (``simframe.study``, ``simframe.warehouse``, ``simframe.metrics``, ...);
importing this package alone costs nothing and never touches torch.
"""

from simframe.errors import SimframeError

__all__ = ["SimframeError", "__version__"]
__version__ = "0.1.0"
