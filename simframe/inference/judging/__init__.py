"""What draws come to: intervals, floors and p-values. Nothing here knows of respondents."""
