"""One inspection: a child process gathers, its results arrive probe by probe, and the deadline holds against anything.

What has not arrived at the deadline is unknown, and the child is killed with all that it started. Where one probe takes
the others along, because it is inside C code that does not let go of the interpreter, or because it takes all memory,
a further child inspects what is missing: without the culprit where it is known, one probe after another where not.
"""

from __future__ import annotations

from azpreflight.engine.inspection.messages import Ask, Question, Takes, Tell
from azpreflight.engine.inspection.parent import inspect

__all__ = ["Ask", "Question", "Takes", "Tell", "inspect"]
