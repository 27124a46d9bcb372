"""Declared regressions: from a wide frame to coefficients and their covariance, or the reason why there are none."""
