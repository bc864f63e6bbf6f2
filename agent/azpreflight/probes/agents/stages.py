"""cloud-init beyond its first stage: the units that follow, the user that it makes, and how it hashes a password.

waagent and ds-identify ask for cloud-init-local.service alone. A later stage that is masked leaves a VM without user or
keys, and so does a list of users that leaves out `default`, which stands for the user of the VM (cloud-init,
cloudinit/distros/ug_util.py, cloudinit/sources/DataSourceAzure.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from azpreflight.azure.agent_versions import IMPORTS_CRYPT, KNOWS_DHCPCD, number
from azpreflight.guest import os_release, package_database
from azpreflight.guest.os_release import Distribution
from azpreflight.host import Host, systemd
from azpreflight.host.systemd import Unit, UnitState
from azpreflight.model import Cause, Check, Confidence, Finding, NotApplicable, Profile, Run, Severity, Stage, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, Provisioner
from azpreflight.shell import argument
from azpreflight.text import plain, several

STAGES = (
    *("cloud-init-main.service", "cloud-init.service", "cloud-init-network.service"),
    *("cloud-config.service", "cloud-final.service", "cloud-init.target"),
)
"""Of all versions; cloud-init-local.service is judged with who provisions."""
NETWORK = ("cloud-init.service", "cloud-init-network.service")
"""One of the two names, by version: the stage that makes the user."""
CLIENTS = ("dhclient", "dhcpcd", "udhcpc")
"""Those that cloud-init knows (cloudinit/net/dhcp.py)."""
PLACES = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")
WHOLE = 6
"""Modules that a list of a distribution has at least; a shorter one is a tree's for tests or an overlay's."""
MODULES = {"users_groups": "no user is made", "ssh": "no key of a new VM is installed, and no host key is made"}
WITHOUT_CRYPT = (3, 13)
"""The Python that has no crypt any more."""


def look(host: Host) -> tuple[Unit, ...]:
    """The units that are there."""
    units = (systemd.unit(host, name) for name in STAGES)
    return tuple(one for one in units if one.state is not UnitState.ABSENT)


def has_dhcp_client(host: Host) -> bool:
    """One of those that cloud-init asks for a first address with; it has none of its own."""
    paths = (f"{place}/{name}" for place in PLACES for name in CLIENTS)
    return not package_database.is_whole(host) or any(host.info(path) is not None for path in paths)


def judge_stages(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """All stages start, and one of them makes the user."""
    if not facts.cloud_init_provisions:
        yield NotApplicable("cloud-init does not provision")
        return
    yield from _judge_units(facts.cloud_init.stages)
    yield from _judge_users(facts)
    if not facts.cloud_init.dhcp_client:
        yield Finding(
            Severity.ERROR,
            f"cloud-init finds no client for DHCP ({several(CLIENTS)}), and without one it does not reach the metadata",
            f"Install one that this cloud-init knows: dhclient always, dhcpcd from {KNOWS_DHCPCD.first} on.",
            (os_release.reinstall_command(facts.distribution, os_release.dhcp_client(facts.distribution)),),
        )


def _judge_units(units: tuple[Unit, ...]) -> Iterator[Verdict]:
    for one in units:
        target = one.name.endswith(".target")
        if one.state is UnitState.MASKED or (one.state is UnitState.DISABLED and not target):
            unmask = (f"systemctl unmask {one.name}",) if one.state is UnitState.MASKED else ()
            enable = () if target else (f"systemctl enable {one.name}",)
            yield Finding(
                Severity.ERROR,
                f"{one.name} is {one.state.value}, and cloud-init's stages need one another: a VM gets no user",
                "Enable every stage.",
                (*unmask, *enable),
            )
    names = {one.name for one in units}
    gone = [name for name in ("cloud-config.service", "cloud-final.service") if name not in names]
    gone += ["cloud-init.service"] if not names & set(NETWORK) else []
    if gone and len(names) >= 2:
        yield Finding(
            Severity.ERROR,
            f"cloud-init's {several(gone)} is not there: its stages need one another, and a VM gets no user",
            "Install cloud-init again.",
        )


def _judge_users(facts: AgentsFacts) -> Iterator[Verdict]:
    config = facts.cloud_init.config
    if facts.cloud_init.without_config:
        yield Finding(
            Severity.ERROR,
            "/etc/cloud/cloud.cfg is missing: cloud-init runs none of its modules, and a VM gets no user and no keys",
            "Install cloud-init again, with its configuration.",
            (os_release.reinstall_command(facts.distribution, "cloud-init"),),
        )
    if config.makes_default_user is False:
        source = config.source("users")
        yield Finding(
            Severity.ERROR,
            f"the list users of {plain(source)} is without default: cloud-init makes no user of a new VM",
            "Remove the list, or begin it with default.",
            (f"sed -i -E '/^users:[[:space:]]*(\\[.*\\])?[[:space:]]*$/s/.*/users: [default]/' {argument(source)}",)
            if config.users_empty
            else (),
        )
    for name, consequence in MODULES.items():
        enough = len(config.init_modules) >= WHOLE or (config.init_modules and facts.cloud_init.whole)
        if enough and name not in config.init_modules:
            yield Finding(
                Severity.ERROR,
                f"cloud_init_modules of {plain(config.source('cloud_init_modules'))} is without {name}: {consequence}",
                "Put the module back into the list.",
                confidence=Confidence.CERTAIN,
            )


PASSWORD_PACKAGES = {"crypt": "python3-crypt-r", "legacycrypt": "python3-legacycrypt", "passlib": "python3-passlib"}
"""Debian's packages; the PyPI projects have the names after python3-."""


def judge_password(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """The agent that provisions can hash a password with its Python."""
    who = facts.provisioner
    if who not in (Provisioner.CLOUD_INIT, Provisioner.WAAGENT):
        yield NotApplicable("neither waagent nor cloud-init provisions")
        return
    by_cloud_init = who is Provisioner.CLOUD_INIT
    program = facts.cloud_init.program if by_cloud_init else facts.waagent.program
    version = facts.cloud_init.version if by_cloud_init else facts.waagent.version
    if program.python is None or number(program.python) < WITHOUT_CRYPT or program.hashes:
        return
    name = " ".join(filter(None, (who.value, plain(version or ""))))
    fatal = by_cloud_init and IMPORTS_CRYPT.holds(version) is True
    consequence = (
        "its datasource for Azure cannot be imported, and no VM is provisioned"
        if fatal
        else "a VM that is created with a password fails"
    )
    yield Finding(
        Severity.ERROR if fatal else Severity.WARNING,
        f"{name} runs with Python {program.python}, which has none of the modules"
        f" that it hashes a password with ({several(program.hashing)}): {consequence}",
        "Install one of them for that Python.",
        (_install(program.hashing[-1], program.python, facts.distribution),),
        confidence=Confidence.LIKELY,
        confidence_reason="told from files; Python may be set up to look elsewhere"
        if fatal
        else "VMs that are created with a key alone need no hash",
    )


def _install(module: str, python: str, distribution: Distribution) -> str:
    package = PASSWORD_PACKAGES[module]
    if distribution.of("debian", "ubuntu"):
        return f"apt-get install -y {package}"
    return f"python{python} -m pip install {package.removeprefix('python3-')}"


CHECKS = (
    Check(
        "agents-stages",
        "every stage of cloud-init starts, and its configuration makes the user of a new VM",
        judge_stages,
        Severity.ERROR,
        cause=Cause.NO_PROVISIONING_AGENT,
        stages=(Stage.BUILD, Stage.CAPTURE),
        profiles=(Profile.GENERALIZED,),
        offline=True,
    ),
    Check(
        "agents-password",
        "the agent that provisions can hash a password",
        judge_password,
        Severity.WARNING,
        cause=Cause.AGENT_CONFIG,
        stages=(Stage.BUILD, Stage.CAPTURE),
        profiles=(Profile.GENERALIZED,),
        offline=True,
    ),
)
