"""The metrics that counts of answers give, of every item, pair and group at once."""
