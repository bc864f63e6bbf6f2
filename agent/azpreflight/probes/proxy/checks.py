"""The verdicts on the settings of proxies, by the files alone. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from azpreflight.azure.addresses import PLATFORM
from azpreflight.guest.waagent_conf import set_key
from azpreflight.model import Cause, Check, Finding, Run, Severity, Stage, Unknown, Verdict
from azpreflight.probes.agents.facts import AgentsFacts
from azpreflight.probes.proxy.facts import (
    ProxyFacts,
    ProxySetting,
    Reader,
    catches,
    config_commands,
    places_of,
)
from azpreflight.shell import argument
from azpreflight.text import plain, several

WHO = {
    Reader.WAAGENT: "extensions, which inherit the agent's environment, ask a proxy for the platform's answers",
    Reader.CLOUD_INIT: "cloud-init asks a proxy for this VM's metadata",
    Reader.LOGINS: "programs started from a login ask a proxy for the platform's answers",
}


def judge_platform_addresses(facts: ProxyFacts, run: Run) -> Iterator[Verdict]:
    """Behind a proxy the two addresses are those of the proxy's own host, or nobody's."""
    yield from (Unknown(error) for error in facts.errors)
    for setting in facts.settings:
        caught = tuple(catches(setting, PLATFORM))
        if caught:
            yield _caught(setting, caught, run)


def _caught(setting: ProxySetting, caught: tuple[str, ...], run: Run) -> Finding:
    agents = run.facts(AgentsFacts)
    provisions = agents is not None and agents.cloud_init_provisions
    fatal = setting.reader is Reader.CLOUD_INIT and provisions
    return Finding(
        Severity.ERROR if fatal else Severity.WARNING,
        f"{plain(setting.place)} sets the proxy {plain(setting.http or '')} and does not exempt {several(caught)}:"
        f" {WHO[setting.reader]}",
        "Name both addresses in no_proxy wherever a proxy is set.",
        (_exempt_command(setting, caught),),
        evidence={"proxy": plain(setting.http or ""), "no_proxy": plain(",".join(setting.exempt), 200)},
        in_image=True,
    )


def _exempt_command(setting: ProxySetting, caught: tuple[str, ...]) -> str:
    """Adds a later place that wins, so that no line has to be edited."""
    entries = ",".join((*setting.exempt, *caught))
    if setting.service is not None:
        return _set_exempt(setting, entries)
    line = shlex.quote(f"no_proxy={plain(entries, 1000)}")
    if setting.place.startswith("/etc/profile.d/"):
        return f"echo export {line} > /etc/profile.d/zz-no-proxy.sh"
    return f"echo {line} >> {argument(setting.place)}"


def judge_settings(facts: ProxyFacts, run: Run) -> Iterator[Verdict]:
    """What the agent would not understand as it was meant."""
    yield from (Unknown(error) for error in facts.errors)
    if facts.unread_place is not None and facts.config_host is None:
        yield Finding(
            Severity.WARNING,
            f"{plain(facts.unread_place)} sets a proxy, and the running agent was started without it",
            "Restart the agent, which then has the proxy.",
            ("systemctl daemon-reload", "systemctl try-restart waagent walinuxagent"),
        )
    host = facts.config_host
    if host is not None and facts.config_port is not None and any(mark in host for mark in "/: @"):
        yield _no_name(facts, host)
    environment = facts.environment
    if environment is not None and any("*" in entry for entry in environment.exempt):
        yield _wildcards(environment, run)
    if host is None and environment is not None:
        for mistake in dict.fromkeys((environment.https_mistake, environment.http_mistake)):
            if mistake is not None:
                yield Finding(
                    Severity.WARNING,
                    f"{plain(environment.place)} sets {plain(mistake)}, so waagent uses none",
                    "Write https_proxy and http_proxy in the form http://HOST:PORT.",
                    in_image=True,
                )


def _wildcards(setting: ProxySetting, run: Run) -> Finding:
    """In an image it is a fault of every VM; in a running one the ways out show whether it is one there."""
    meant = [entry for entry in setting.exempt if "*" in entry]
    fixed = ",".join(dict.fromkeys(entry.lstrip("*") if entry != "*" else entry for entry in setting.exempt))
    alone = "*" in setting.exempt
    fix = "Write the ends of names instead, such as .blob.core.windows.net"
    return Finding(
        Severity.WARNING if run.stage is Stage.FIRSTBOOT else Severity.ERROR,
        f"no_proxy in {plain(setting.place)} has {plain(several(tuple(meant)), 200)}: waagent compares the ends of"
        " names, takes * for a letter, and asks the proxy for these hosts",
        fix + (", and take the proxy out of the service where it shall use none." if alone else "."),
        (_set_exempt(setting, fixed),) if setting.service is not None and not alone else (),
        evidence={"no_proxy": plain(",".join(setting.exempt), 200)},
        in_image=True,
    )


def _set_exempt(setting: ProxySetting, entries: str) -> str:
    directory = f"/etc/systemd/system/{setting.service}.d"
    lines = (shlex.quote(line) for line in ("[Service]", f'Environment="no_proxy={plain(entries, 1000)}"'))
    return f"mkdir -p {directory} && printf '%s\\n' {' '.join(lines)} > {directory}/zz-no-proxy.conf"


def _no_name(facts: ProxyFacts, host: str) -> Finding:
    return Finding(
        Severity.WARNING,
        f"HttpProxy.Host={plain(host)} is no host name, and waagent looks up all of it as one",
        "Write the bare host name or address, without scheme, user and port.",
        (set_key(facts.config_path, "HttpProxy.Host", plain(_bare(host))),),
        in_image=True,
    )


def _bare(host: str) -> str:
    """The name in an address: "proxy" of "http://proxy:3128/"."""
    return host.rpartition("@")[2].rpartition("//")[2].partition("/")[0].partition(":")[0]


def judge_consistency(facts: ProxyFacts, run: Run) -> Iterator[Verdict]:
    """A package manager's proxy may be a cache, and may be the only way out."""
    if facts.config_host is not None or facts.environment is not None:
        return
    proxies = dict.fromkeys(proxy for setting in facts.settings for proxy in setting.proxies)
    for proxy in proxies:
        yield Finding(
            Severity.NOTE,
            f"{several(places_of(facts, proxy))} uses the proxy {plain(proxy)}, and waagent uses none",
            "If the network lets nothing out but by this proxy, set HttpProxy.Host and HttpProxy.Port too.",
            config_commands(facts, proxy),
            in_image=True,
        )


CHECKS = (
    Check(
        "proxy-platform-addresses",
        "proxy settings exempt the platform addresses",
        judge_platform_addresses,
        Severity.ERROR,
        cause=Cause.PROXY,
        offline=True,
    ),
    Check(
        "proxy-settings",
        "the agent's proxy settings are valid",
        judge_settings,
        Severity.WARNING,
        cause=Cause.PROXY,
        offline=True,
    ),
    Check(
        "proxy-consistent",
        "no other program has a proxy where the agent has none",
        judge_consistency,
        Severity.NOTE,
        offline=True,
    ),
)
