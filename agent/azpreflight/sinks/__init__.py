"""Where a report goes: standard output, files, the serial console, the journal. One module a place."""
