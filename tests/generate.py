"""Write what is made from the program: `python -m tests.generate schema`, `... pages` or `... data`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from azpreflight import package
from azpreflight.cli import completion_scripts
from azpreflight.config import keys
from azpreflight.model import Config
from azpreflight.probes import PROBES
from azpreflight.render import catalogue, configuration, explained
from azpreflight.render.schema import schemas
from tests.support import golden
from tests.support.examples import CHECKS, EVERY, printed

DOCS = Path(__file__).parents[1] / "docs"
SCHEMAS = DOCS / "schema"
DATA = Path(package.__file__).parent / "data"
SHOWN = "## What it looks like\n"


def schema_files() -> dict[str, str]:
    """The JSON Schemas, by the name of the file in docs/schema, as it has them."""
    ids = tuple(check.id for probe in PROBES for check in probe.checks)
    return {
        **{f"{name}.json": json.dumps(one, indent=1) + "\n" for name, one in schemas(EVERY).items()},
        "config-1.json": configuration.render_schema(keys.schema(ids)),
        "log-1.json": json.dumps(explained.log_schema(), indent=1) + "\n",
    }


def data_files() -> dict[str, str]:
    """What commands print that only print, by the name of the file in the program's data."""
    shells = {"bash": completion_scripts.bash, "zsh": completion_scripts.zsh, "fish": completion_scripts.fish}
    return {
        "catalogue.json": catalogue.render_json(catalogue.rows(PROBES, Config())),
        **{f"completions/{shell}": written() for shell, written in shells.items()},
    }


def page(check_id: str) -> Path:
    """Where the page of a check is."""
    return DOCS / "checks" / f"{check_id}.md"


def shown(content: str) -> str:
    """What a page says that the program prints: the first fenced block below its heading."""
    return content.split(SHOWN, 1)[1].split("```\n", 2)[1]


def with_output(content: str, output: str) -> str:
    """The page with that block replaced."""
    before, below = content.split(SHOWN, 1)
    intro, _, after = below.split("```\n", 2)
    return f"{before}{SHOWN}{intro}```\n{output}\n```\n{after}"


def main() -> None:
    """Write the schemas, or the output on every page and the golden reports."""
    if sys.argv[1:] == ["schema"]:
        for name, content in schema_files().items():
            (SCHEMAS / name).write_text(content)
    elif sys.argv[1:] == ["data"]:
        for name, content in data_files().items():
            (DATA / name).parent.mkdir(exist_ok=True)
            (DATA / name).write_text(content)
    elif sys.argv[1:] == ["pages"]:
        for check_id in CHECKS:
            path = page(check_id)
            path.write_text(with_output(path.read_text(), printed(check_id)))
        golden.write()
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
