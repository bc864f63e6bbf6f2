"""openssl as waagent calls it: with the environment of a service, and the configuration that it was built to read.

The agent makes its transport certificate with `openssl req`, and cannot fetch a goal state without it. A build of
openssl whose directory is not in the image, or a variable that only a login has, makes that fail while
`openssl version` in a shell is well (WALinuxAgent, common/utils/cryptutil.py, issues 1402 and 2684).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Optional

from azpreflight.guest import openssl_conf
from azpreflight.host import Host, HostError
from azpreflight.model import Cause, Check, Confidence, Finding, NotApplicable, Run, Severity, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts, OpensslFacts, Provisioner
from azpreflight.shell import argument
from azpreflight.text import plain

LIBRARIES = tuple(
    f"{base}/libcrypto.so.*"
    for base in (
        "/usr/lib/*-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/lib/*-linux-gnu",
        "/usr/local/lib64",
        "/usr/local/lib",
    )
)
"""Where distributions have the library that knows the directory."""
LIBRARY_LIMIT = 24 << 20
"""Bytes; libcrypto.so.3 has 5 MiB."""
BUILT = re.compile(rb'OPENSSLDIR: "(/[ -!#-~]{1,200})"')
_CONF = re.compile(r"^Environment=.{0,500}?\bOPENSSL_CONF=([^\s\"']{1,300})", re.MULTILINE)
_NAMES = re.compile(r"^Environment=[\"']?(\w{1,80})=", re.MULTILINE)


def look(host: Host, program: str, unit_text: str) -> OpensslFacts:
    """The directory in the program or its library, and the file there; nothing is run."""
    try:
        named = _CONF.search(unit_text)
        directory = None if named is not None else _directory(host, program)
        if named is None and directory is None:
            return OpensslFacts()
        path = named.group(1) if named is not None else f"{directory}/openssl.cnf"
        if host.info(path) is None:
            return OpensslFacts(path, missing=True)
        environment = (*openssl_conf.ENVIRONMENT, *_NAMES.findall(unit_text))
        return OpensslFacts(path, problem=openssl_conf.problem(host, path, environment))
    except HostError as error:
        return OpensslFacts(error=str(error))


def _directory(host: Host, program: str) -> Optional[str]:
    for path in (program, *(path for pattern in LIBRARIES for path in host.glob(pattern))):
        info = host.info(path)
        if info is not None and 0 < info.size <= LIBRARY_LIMIT:
            match = BUILT.search(host.read(path, LIBRARY_LIMIT) or b"")
            if match is not None:
                return match.group(1).decode("ascii")
    return None


def judge(facts: OpensslFacts, provisions: bool) -> Iterator[Verdict]:
    """openssl takes its configuration."""
    if facts.error is not None:
        yield Unknown(facts.error)
    elif facts.missing:
        yield _fails(
            f"its configuration {plain(facts.config or '')} is not there", _put_back(facts.config or ""), provisions
        )
    elif facts.problem is not None:
        found = facts.problem
        command = f"sed -i '{found.line}s/^/# /' {argument(found.path)}" if found.line else _put_back(found.path)
        yield _fails(plain(found.said, 200), command, provisions)


def _put_back(path: str) -> str:
    return f"printf '[req]\\ndistinguished_name = dn\\n[dn]\\n' > {argument(path)}"


def _fails(reason: str, command: str, provisions: bool) -> Finding:
    consequence = "a VM is never Ready" if provisions else "no goal state, and no extension runs"
    return Finding(
        Severity.ERROR,
        f"openssl fails as waagent calls it: {reason}; {consequence}",
        "Put the distribution's file back, or at least one that openssl takes.",
        (command,),
        confidence=Confidence.LIKELY,
        confidence_reason="openssl was not run; the file is read as openssl reads it",
    )


def judge_openssl(facts: AgentsFacts, run: Run) -> Iterator[Verdict]:
    """openssl works as waagent calls it."""
    if not facts.waagent.installed:
        yield NotApplicable("waagent is not installed")
    else:
        yield from judge(facts.waagent.openssl, facts.provisioner is Provisioner.WAAGENT)


CHECKS = (
    Check(
        "agents-openssl",
        "openssl takes its configuration in the environment of waagent's service",
        judge_openssl,
        Severity.ERROR,
        cause=Cause.AGENT_CONFIG,
        offline=True,
    ),
)
