"""What of the agent no package owns: its program, its Python and its openssl.

An agent that was installed with pip or `setup.py install`, or runs with a Python that somebody built, works on the day
of the build. Nobody updates it, the next upgrade of Python may leave it without its modules, and Azure's support asks
for the distribution's own first (Microsoft Learn, "Update the Azure Linux Agent on a VM").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from azpreflight.guest import os_release
from azpreflight.host import Host
from azpreflight.model import Cause, Check, Finding, NotApplicable, Run, Severity, Stage, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.text import several

FOREIGN = ("/usr/local/", "/opt/", "/home/", "/root/", "/srv/")
"""Where no package of a distribution puts a program (Filesystem Hierarchy Standard)."""
DPKG = "/var/lib/dpkg/info"
LIST_LIMIT = 1 << 20
"""Bytes of a package's list of files; the largest of these, python3.x-minimal's, has 20 KiB."""
OWNERS = (
    "waagent",
    "walinuxagent",
    "openssl",
    "python3-minimal",
    "python3.[0-9]-minimal",
    "python3.[0-9][0-9]-minimal",
    "python-is-python3",
    "python-minimal",
    "python2-minimal",
    "python2.[0-9]-minimal",
)
"""Packages of Debian and Ubuntu that may own one of them."""


def unowned(host: Host, paths: tuple[Optional[str], ...]) -> tuple[str, ...]:
    """Those of the programs that exist and that no package owns, as far as that can be told from files.

    dpkg's lists are asked where there are some; of rpm's database only the place of a program tells.
    """
    there = tuple(path for path in paths if path is not None and host.info(path) is not None)
    foreign = tuple(path for path in there if path.startswith(FOREIGN))
    if not host.info(DPKG):
        return foreign
    lists = [found for owner in OWNERS for found in host.glob(f"{DPKG}/{owner}.list")]
    owned = {line for found in lists for line in (host.text(found, LIST_LIMIT) or "").splitlines()}
    return tuple(path for path in there if not {path, f"/usr{path}", path.replace("/usr/", "/", 1)} & owned)


def judge(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """All of them come from packages."""
    if not facts.waagent.installed:
        yield NotApplicable("waagent is not installed")
    elif facts.waagent.unowned:
        yield Finding(
            Severity.NOTE,
            f"no package owns {several(facts.waagent.unowned)}: nobody updates what waagent runs with",
            "Use the distribution's agent, Python and openssl.",
            (os_release.install_command(facts.distribution, "waagent"),),
        )


CHECKS = (
    Check(
        "agents-provenance",
        "waagent and its interpreter belong to packages",
        judge,
        Severity.NOTE,
        cause=Cause.AGENT_CONFIG,
        stages=(Stage.BUILD, Stage.CAPTURE),
        offline=True,
    ),
)
