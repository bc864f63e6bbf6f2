"""Where a report goes: standard output, files, the serial console, the journal, the host. One module a place."""
