"""A report on a serial console that others write to as well, and the way back from the log.

When a VM does not provision, its boot diagnostics log is all there is. `frame` makes lines that survive what happens
to a shared console, `decode` gets reports back out of a log that nobody should trust. Both are pure.
"""
