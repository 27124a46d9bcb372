"""Who is drawn: respondents by weight, cluster and stratum, and the counting of their answers."""
