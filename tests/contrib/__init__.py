"""What is in packaging/contrib, read by the parsers of its readers and run as far as it can be here."""
