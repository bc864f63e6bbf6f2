"""Reports to text of one kind or another. Everything here is pure."""
