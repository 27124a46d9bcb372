"""The metrics that counts cannot give, one family a file: each draws in its own way and is judged in the same."""
