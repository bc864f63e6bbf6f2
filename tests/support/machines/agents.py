"""Machines for the checks of agents: a healthy one, and a broken one for each check."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from azpreflight.guest import unit_runs
from azpreflight.host import Completed
from azpreflight.model import Platform, Run, Stage
from azpreflight.probes.agents import PROBE
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.agents.state import CLOUD_INIT_UNITS, STATUS
from tests.support.fakes import FakeHost, Link

DEBIAN = "ID=debian\nVERSION_ID=12\n"
CONFIG = """\
Extensions.Enabled=y
Provisioning.Agent=cloud-init
Provisioning.DeleteRootPassword=y
Provisioning.RegenerateSshHostKeyPair=y
OS.OpensslPath=None
"""
AGENT = "/usr/lib/python3/dist-packages/azurelinuxagent"
WANTED = Link("/lib/systemd/system/walinuxagent.service")
LOCAL_WANTED = "/etc/systemd/system/cloud-init.target.wants/cloud-init-local.service"
FILES: dict[str, Any] = {
    "/etc/os-release": DEBIAN,
    "/lib/systemd/systemd": "",
    "/usr/bin/openssl": "",
    "/usr/sbin/waagent": "#!/usr/bin/python3\nimport azurelinuxagent\n",
    "/usr/bin/python3": Link("python3.11"),
    "/usr/bin/python3.11": "",
    "/usr/lib/python3.11/crypt.py": "",
    "/usr/lib/python3.11/distutils/__init__.py": "",
    f"{AGENT}/common/utils/textutil.py": "import base64\nimport crypt\n",
    f"{AGENT}/common/osutil/factory.py": "from distutils.version import LooseVersion as Version\n",
    "/lib/systemd/system/walinuxagent.service": "[Service]\nExecStart=/usr/sbin/waagent -daemon\n",
    "/etc/systemd/system/multi-user.target.wants/walinuxagent.service": WANTED,
    "/etc/waagent.conf": CONFIG,
    "/usr/bin/cloud-init": "",
    "/lib/systemd/system/cloud-init-local.service": "[Unit]\n",
    LOCAL_WANTED: Link("/lib/systemd/system/cloud-init-local.service"),
    "/etc/cloud/cloud.cfg": "disable_root: true\nssh_deletekeys: true\n",
    "/etc/cloud/cloud.cfg.d/90_dpkg.cfg": "# to update this file, run dpkg-reconfigure\ndatasource_list: [ Azure ]\n",
    f"{AGENT}/common/version.py": "AGENT_VERSION = '2.16.0.2'\n",
}
RUN = Run(stage=Stage.CAPTURE, platform=Platform.AZURE)


def host(changes: dict[str, Any], *removed: str) -> FakeHost:
    """The healthy machine with some files changed and some away."""
    return FakeHost(files={path: node for path, node in {**FILES, **changes}.items() if path not in removed})


def conf(*lines: str) -> dict[str, Any]:
    """waagent.conf with further lines; the last of a key wins."""
    return {"/etc/waagent.conf": CONFIG + "\n".join(lines) + "\n"}


PIP = {"/usr/local/sbin/waagent": "#!/usr/bin/python3\nimport azurelinuxagent\n"}
GUEST_PROXY_UNIT = "/usr/lib/systemd/system/azure-proxy-agent.service"
GUEST_PROXY_WANTED = "/etc/systemd/system/multi-user.target.wants/azure-proxy-agent.service"
GUEST_PROXY: dict[str, Any] = {
    "/usr/sbin/azure-proxy-agent": "",
    "/etc/azure/proxy-agent.json": "{}",
    "/usr/lib/azure-proxy-agent/ebpf_cgroup.o": "",
    GUEST_PROXY_UNIT: "[Unit]\n",
    GUEST_PROXY_WANTED: Link(GUEST_PROXY_UNIT),
}
FIRSTBOOT = replace(RUN, stage=Stage.FIRSTBOOT)
SYSTEMD_RUNS: dict[str, Any] = {"/run/systemd/system": None}
ASK = unit_runs.command(("walinuxagent.service", *CLOUD_INIT_UNITS))
DONE = {"errors": [], "start": 1.0, "finished": 2.0}
STAGES = {"init-local": DONE, "init": DONE, "modules-config": DONE, "modules-final": DONE}


def unit(name: str, active: str = "active", **changes: str) -> str:
    """A block of `systemctl show`."""
    block = {
        "Id": name,
        "LoadState": "loaded",
        "ActiveState": active,
        "Result": "success",
        "NRestarts": "0",
        "ConditionResult": "yes",
        "ConditionTimestampMonotonic": "2000000",
        **changes,
    }
    return "".join(f"{key}={value}\n" for key, value in block.items())


def booted(*units: str, status: Any = None, **stages: Any) -> FakeHost:
    """The healthy machine at its first boot, with these units and these stages of cloud-init otherwise."""
    document = status or {"v1": {"datasource": "DataSourceAzure [seed=/dev/sr0]", "stage": None, **STAGES, **stages}}
    blocks = units or (unit("walinuxagent.service"), unit("cloud-init-local.service"))
    text = document if isinstance(document, str) else json.dumps(document)
    return replace(host({STATUS: text, **SYSTEMD_RUNS}), programs={ASK: Completed(0, "\n".join(blocks), "")})


OPENSSL = "/usr/bin/openssl"
BUILT = b'\x7fELF OPENSSLDIR: "/usr/lib/ssl"\0'
"""A program that says which directory it was built with."""
POLICY = "/etc/waagent_policy.json"
CLOUD_INIT_VERSION = "/usr/lib/python3/dist-packages/cloudinit/version.py"


def version(number: str) -> dict[str, Any]:
    """waagent of another version."""
    return {f"{AGENT}/common/version.py": f"AGENT_VERSION = '{number}'\n"}


PYTHON_3_13: dict[str, Any] = {
    "/usr/bin/cloud-init": "#!/usr/bin/python3\n",
    "/usr/bin/python3": Link("python3.13"),
    "/usr/bin/python3.13": "",
    "/usr/lib/python3/dist-packages/cloudinit/version.py": '__VERSION__ = "25.1.4"\n',
    f"{AGENT}/common/utils/textutil.py": "import base64\n",
    f"{AGENT}/common/osutil/factory.py": "",
}

HEALTHY = (host({}), RUN)
BROKEN = {
    "agents-config": (host(conf("Extensions.Enabled=n")), RUN),
    "agents-provisioner": (host({"/etc/cloud/cloud-init.disabled": ""}), RUN),
    "agents-program": (host({}, "/usr/lib/python3.11/crypt.py"), RUN),
    "agents-stages": (host({"/etc/cloud/cloud.cfg.d/99-x.cfg": "users: []\n"}), RUN),
    "agents-openssl": (host({OPENSSL: BUILT}), RUN),
    "agents-password": (host(PYTHON_3_13, "/usr/lib/python3.11/crypt.py"), RUN),
    "agents-version": (
        host({f"{AGENT}/common/version.py": "AGENT_VERSION = '2.2.47'\n", **conf("AutoUpdate.Enabled=n")}),
        RUN,
    ),
    "agents-policy": (host({**version("2.16.0.2"), POLICY: "{"}), RUN),
    "agents-provenance": (host(PIP, "/usr/sbin/waagent"), RUN),
    "agents-guest-proxy": (host(GUEST_PROXY, GUEST_PROXY_WANTED), RUN),
    "agents-units": (booted(unit("walinuxagent.service", "failed", Result="exit-code")), FIRSTBOOT),
    "agents-cloud-init": (
        booted(**{"init-local": {**DONE, "errors": ["'NoneType' object has no attribute 'get'"]}}),
        FIRSTBOOT,
    ),
}


def facts_of(host: FakeHost) -> AgentsFacts:
    facts = PROBE.gather(host, RUN)
    assert isinstance(facts, AgentsFacts)
    return facts


MASKED = Link("/dev/null")
NO_CLOUD_INIT = ("/usr/bin/cloud-init", "/lib/systemd/system/cloud-init-local.service", LOCAL_WANTED)


AZURE_INIT = {
    "/lib/systemd/system/azure-init.service": "[Service]\nExecStart=/usr/bin/azure-init\n",
    "/etc/systemd/system/multi-user.target.wants/azure-init.service": Link("/lib/systemd/system/azure-init.service"),
}
NO_WAAGENT = ("/usr/sbin/waagent", "/etc/systemd/system/multi-user.target.wants/walinuxagent.service")
CFG = "/etc/cloud/cloud.cfg.d/99-x.cfg"


CNF = "/usr/lib/ssl/openssl.cnf"
GOOD = "HOME = .\n[req]\ndistinguished_name = dn\n[dn]\n"
