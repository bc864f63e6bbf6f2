"""Standard output, whose reader may go away."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Union

from azpreflight.sinks.errors import SinkError


def write_stdout(text: Union[str, Iterable[str]]) -> None:
    """Print the text, or its pieces. A reader that has gone away (`| head`) is no error; a full disk is a SinkError."""
    try:
        sys.stdout.writelines((text,) if isinstance(text, str) else text)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
    except OSError as error:
        _discard_stdout()
        raise SinkError(f"cannot write to standard output: {error.strerror}") from None


def _discard_stdout() -> None:
    """Point standard output at nothing, so that what is still buffered does not fail again when Python ends."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
