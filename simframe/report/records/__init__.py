"""What findings are made of: a class a kind of row, a file a question."""
