"""A table as a Parquet file, for DuckDB, Spark and the like (extra `azpreflight[fleet]`), in pieces."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple, get_type_hints

from azpreflight.model.errors import UsageError
from azpreflight.sinks.errors import SinkError
from azpreflight.sinks.file import FILE_MODE

PIECE = 10_000
"""Rows of one row group: what is in memory at once."""


def write_parquet(path: str, kind: type[NamedTuple], rows: Iterable[NamedTuple]) -> None:
    """Put the rows where the path leads, in one step; the columns are the fields of their kind.

    SinkError where it cannot be written, UsageError without the library.
    """
    import secrets

    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("a Parquet file needs the libraries of azpreflight[fleet]") from None
    schema = _schema(pyarrow, kind)
    temporary = f"{path}.{secrets.token_hex(4)}"
    left = iter(rows)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(temporary, flags, FILE_MODE), "wb") as file, parquet.ParquetWriter(file, schema) as writer:
            while piece := list(islice(left, PIECE)):
                columns = zip(*(tuple(_text(value) for value in row) for row in piece))
                writer.write_table(pyarrow.table([list(column) for column in columns], schema=schema))
        os.replace(temporary, path)
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _schema(pyarrow: Any, kind: type[NamedTuple]) -> Any:
    kinds = {str: pyarrow.string(), int: pyarrow.int32(), bool: pyarrow.bool_()}
    hints = get_type_hints(kind)
    return pyarrow.schema([(name, kinds.get(hints[name], pyarrow.string())) for name in kind._fields])


def _text(value: Any) -> Any:
    """Text that Parquet can hold: half of a pair of UTF-16 is no character."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
