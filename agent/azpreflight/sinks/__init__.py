"""Where a report goes: standard output, files, the serial console, the journal."""

from azpreflight.sinks.errors import SinkError
from azpreflight.sinks.file import append_line, write_file
from azpreflight.sinks.journal import write_journal
from azpreflight.sinks.serial import ACTIVE_CONSOLES, serial_devices, write_serial
from azpreflight.sinks.stdout import write_stdout

__all__ = [
    "ACTIVE_CONSOLES",
    "SinkError",
    "append_line",
    "serial_devices",
    "write_file",
    "write_journal",
    "write_serial",
    "write_stdout",
]
