"""Machines as literals, one module for each probe.

Each has `HEALTHY`, and `BROKEN` by check id: a host, or a host and what is asked of it, which is the module's `RUN`
otherwise. `tests.support.examples` tries every check on both.
"""
