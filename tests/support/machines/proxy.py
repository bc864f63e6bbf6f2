"""Machines for the checks of proxies: a healthy one, and a broken one for each check."""

from __future__ import annotations

from typing import Any

from tests.support.fakes import FakeHost
from tests.support.machines import agents as test_probe_agents

UNIT = "/etc/systemd/system/walinuxagent.service.d/proxy.conf"
PLATFORM = "168.63.129.16,169.254.169.254"
RUN = test_probe_agents.RUN


def drop_in(*variables: str) -> str:
    return "[Service]\n" + "".join(f'Environment="{variable}"\n' for variable in variables)


def host(changes: dict[str, Any], *conf: str) -> FakeHost:
    """A machine with both agents, some files changed, and more lines in waagent.conf."""
    return test_probe_agents.host({**(test_probe_agents.conf(*conf) if conf else {}), **changes})


WELL = {
    UNIT: drop_in("http_proxy=http://proxy.example.net:3128", f"no_proxy={PLATFORM}"),
    "/etc/environment": f'http_proxy="http://proxy.example.net:3128"\nNO_PROXY=localhost,{PLATFORM}\n',
    "/etc/apt/apt.conf.d/95proxy": 'Acquire::http::Proxy "http://proxy.example.net:3128";\n',
}
HEALTHY = (host(WELL), RUN)
BROKEN = {
    "proxy-platform-addresses": (host({UNIT: drop_in("http_proxy=http://10.0.0.6:3128")}), RUN),
    "proxy-settings": (host({}, "HttpProxy.Host=http://10.0.0.6", "HttpProxy.Port=3128"), RUN),
    "proxy-consistent": (host({"/etc/apt/apt.conf": 'Acquire::https::Proxy "http://10.0.0.6:3128";'}), RUN),
}
