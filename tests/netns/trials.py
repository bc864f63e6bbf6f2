"""Very many rulesets, each rehearsed by the worker's own code in a child of this program: no start of Python for each.

A program: a job on the first line of standard input, then what to load a line; an answer a line. All JSON, as the
worker has it.
"""

import json
import os
import sys

from azpreflight.firewall.worker import main as worker
from azpreflight.firewall.worker import process


def main() -> None:
    """Answer each line. A child takes its namespaces with it, so no ruleset hears of the one before."""
    process.die_with_parent()
    job = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            print(json.dumps(worker.rehearse({**job, "loads": json.loads(line)})), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
