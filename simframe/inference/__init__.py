"""What may be concluded: regressions, intervals, floors and p-values."""
