"""Draw five reports on terminals of 60, 80 and 120 columns, with color and without, to be looked at.

`python -m tests.pictures [FOLDER]`, else into .cache/pictures.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.support.terminals import NAMES, picture, saved, screen

WIDTHS = (60, 80, 120)
PLACE = Path(__file__).parents[1] / ".cache" / "pictures"


def main() -> None:
    """One picture for each report, width, and with and without color."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else PLACE
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in NAMES:
            path = saved(name, Path(scratch))
            for width in WIDTHS:
                for color, environment in (("color", {}), ("plain", {"NO_COLOR": "1"})):
                    shown = screen(("show", str(path)), width, environment)
                    picture(shown).save(folder / f"{name}-{width}-{color}.png")


if __name__ == "__main__":
    main()
