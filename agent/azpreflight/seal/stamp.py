"""What `seal` remembers while it works, and the stamp that it leaves.

Deprovisioning deletes the user whom ovf-env.xml names, and that file before the user. A `seal` that is interrupted in
between could not tell the second time, so the name is kept until the machine is sealed. The stamp that stays has no
identity in it: versions and verdicts, so that the first boot of a VM can say what was well when its image was captured.
"""

from __future__ import annotations

import json
from typing import Optional

from azpreflight import __version__
from azpreflight.engine.baseline import Stamp, render
from azpreflight.host import Host, HostError, mutations
from azpreflight.model import Report
from azpreflight.paths import STAMP, UNFINISHED, UNFINISHED_LIMIT
from azpreflight.sinks.file import write_file

STATE = "/var/lib/azpreflight"


def remember(user: Optional[str]) -> None:
    """Keep the name of the user who is to be deleted."""
    mutations.make_directory(STATE)
    write_file(UNFINISHED, json.dumps({"user": user}) + "\n")


def damage(host: Host) -> Optional[str]:
    """A sentence where what an earlier `seal` remembered cannot be read; None where it can, or is not there."""
    try:
        text = host.text(UNFINISHED, UNFINISHED_LIMIT)
        whole = text is None or "user" in dict(json.loads(text))
    except (HostError, ValueError, TypeError, RecursionError):
        whole = False
    if whole:
        return None
    return f"{UNFINISHED} is damaged: which user a seal that did not end was to delete is not known any more"


def stamp(report: Report) -> Stamp:
    """What the image may say about itself."""
    return Stamp(
        version=__version__,
        profile=report.run.profile.value,
        checks={result.check: result.status.value for result in report.results},
    )


def write_stamp(report: Report) -> None:
    """Leave the stamp."""
    mutations.make_directory(STAMP.rpartition("/")[0])
    write_file(STAMP, render(stamp(report)))
