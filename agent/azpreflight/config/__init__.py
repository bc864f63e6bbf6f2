"""The configuration: a few known keys, each with a type and its allowed values.

It is written by hand and read as root, so nothing is guessed: a key that does not exist, a value of another type or
out of range, an alias or a key given twice is an error with the line, and never a default in silence. What is allowed
stands in one table (`keys`), which the reader and the schema for editors are both made from.
"""

from __future__ import annotations

from azpreflight.config.errors import ConfigError
from azpreflight.config.keys import CLOUDS, KVP, TIMEOUTS
from azpreflight.config.reader import SIZE_LIMIT
from azpreflight.config.sources import Loaded, load, load_all, parse
from azpreflight.paths import CONFIG as DEFAULT_PATH
from azpreflight.paths import CONFIG_DROP_INS as DROP_INS

__all__ = [
    "CLOUDS",
    "DEFAULT_PATH",
    "DROP_INS",
    "KVP",
    "SIZE_LIMIT",
    "TIMEOUTS",
    "ConfigError",
    "Loaded",
    "load",
    "load_all",
    "parse",
]
