"""Who is compared: two panels coded side by side, who is in which subgroup, and what of them is kept."""
