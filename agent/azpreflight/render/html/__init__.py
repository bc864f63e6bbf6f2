"""A report as one page for a browser: nothing is loaded, nothing is a script, and all foreign text stays text."""
