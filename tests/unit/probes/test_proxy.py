"""Settings of proxies in the files of a machine, and what they would catch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azpreflight.guest import proxy_files
from azpreflight.model import Cause, Report, Run, Severity, Stage, codec
from azpreflight.probes import agents
from azpreflight.probes.proxy import PROBE, ProxyFacts, ProxySetting, Reader
from azpreflight.probes.proxy.facts import agent_proxy, is_exempt
from tests.support.fakes import Denied, FakeHost, Link
from tests.support.judging import by_check, findings, judged, statuses
from tests.support.machines.proxy import BROKEN, HEALTHY, PLATFORM, RUN, UNIT, drop_in, host

CLOUD_INIT_UNIT = "/etc/systemd/system/cloud-init-local.service.d/proxy.conf"
STORE = "https://x.blob.core.windows.net/p.zip"


def facts_of(host: FakeHost, run: Run = RUN) -> ProxyFacts:
    facts = PROBE.gather(host, replace(run, needed={"agents": agents.PROBE.gather(host, run)}))
    assert codec.decode(ProxyFacts, codec.encode(facts)) == facts
    return facts


def report(host: FakeHost, run: Run = RUN) -> Report:
    return judged(host, run, agents.PROBE, PROBE)


def setting(changes: dict[str, Any]) -> ProxySetting:
    """The only setting that is found."""
    (found,) = facts_of(host(changes)).settings
    return found


@pytest.mark.parametrize("check", [check.id for check in PROBE.checks])
def test_each_check_is_silent_where_all_is_well_and_speaks_of_its_own_fault(check: str) -> None:
    assert statuses(report(*HEALTHY))[check] == "pass"
    found = statuses(report(*BROKEN[check]))
    assert [name for name in BROKEN if found[name] == "fail"] == [check]


# --- places -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text", "reader"),
    [
        (UNIT, drop_in("https_proxy=http://10.0.0.6:3128"), Reader.WAAGENT),
        (CLOUD_INIT_UNIT, drop_in("HTTPS_PROXY=10.0.0.6:3128"), Reader.CLOUD_INIT),
        ("/etc/environment", "export https_proxy='http://10.0.0.6:3128/'\n", Reader.LOGINS),
        ("/etc/profile.d/proxy.sh", "p=10.0.0.6:3128\nexport HTTPS_PROXY=http://$p; echo ok\n", Reader.LOGINS),
        ("/etc/sysconfig/proxy", 'PROXY_ENABLED="yes"\nHTTPS_PROXY="http://10.0.0.6:3128"\n', Reader.LOGINS),
        ("/etc/apt/apt.conf", '// "x"\nAcquire { https { Proxy "http://10.0.0.6:3128"; }; };\n', Reader.PACKAGES),
    ],
)
def test_each_place_is_read_as_its_owner_reads_it(path: str, text: str, reader: Reader) -> None:
    found = setting({path: text})
    assert (found.place, found.reader, found.http, found.https) == (path, reader, None, "10.0.0.6:3128")


@pytest.mark.parametrize("path", ["/etc/dnf/dnf.conf", "/etc/yum.conf"])
def test_dnf_and_yum_have_one_proxy_for_all(path: str) -> None:
    found = setting({path: "[main]\ngpgcheck=1\nproxy = http://10.0.0.6:3128\n"})
    assert (found.reader, found.http, found.https) == (Reader.PACKAGES, "10.0.0.6:3128", "10.0.0.6:3128")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/sysconfig/proxy", 'PROXY_ENABLED="no"\nHTTPS_PROXY="http://10.0.0.6:3128"\n'),
        ("/etc/apt/apt.conf", 'Acquire::http::Proxy "DIRECT";\n#Acquire::https::Proxy "http://10.0.0.6:3128";\n'),
        ("/etc/dnf/dnf.conf", "proxy=_none_\n#proxy=http://10.0.0.6\n"),
        ("/etc/environment", "http_proxy=\n# https_proxy=http://10.0.0.6:3128\n"),
        (UNIT, drop_in("http_proxy=http://10.0.0.6:3128") + "Environment=\n"),
    ],
)
def test_what_is_switched_off_is_no_setting(path: str, text: str) -> None:
    assert facts_of(host({path: text})).settings == ()


def test_the_last_place_of_a_units_environment_wins() -> None:
    """The manager's, the unit's drop-ins by name, then the files that they name."""
    later = "/etc/systemd/system/walinuxagent.service.d/zz.conf"
    found = setting(
        {
            "/etc/systemd/system.conf": "[Manager]\nDefaultEnvironment=http_proxy=http://a:1 https_proxy=http://a:1\n",
            "/usr/lib/systemd/system/walinuxagent.service.d/proxy.conf": drop_in("http_proxy=http://hidden:1"),
            UNIT: drop_in("http_proxy=http://b:2") + "EnvironmentFile=-/etc/default/proxy\n",
            later: drop_in(f"no_proxy={PLATFORM}"),
            "/etc/default/proxy": "https_proxy=http://c:3\n",
            CLOUD_INIT_UNIT: Link("/dev/null"),
            "/etc/systemd/system/cloud-init-local.service.d/none.conf": drop_in("http_proxy=", "https_proxy="),
        }
    )
    assert (found.http, found.https, found.place) == ("b:2", "c:3", "/etc/default/proxy")
    assert found.exempt == ("168.63.129.16", "169.254.169.254")


def test_no_password_is_kept() -> None:
    secret = "http://user:hunter2@10.0.0.6:3128"
    changes = {
        UNIT: drop_in(f"http_proxy={secret}"),
        "/etc/environment": f"https_proxy={secret}\n",
        "/etc/apt/apt.conf": f'Acquire::http::Proxy "{secret}";',
        "/etc/yum.conf": f"proxy={secret}\nproxy_password=hunter2\n",
    }
    machine = host(changes, "HttpProxy.Host=user:hunter2@10.0.0.6", "HttpProxy.Port=3128")
    assert "hunter2" not in repr(report(machine))


@pytest.mark.parametrize("password", ["hun/ter2", "hun#ter2", "hun@ter2", "h@un#ter2/x", "1/hun?ter2", "#hunter2"])
def test_no_piece_of_a_password_with_odd_characters_is_kept(password: str) -> None:
    secret = f"http://user:{password}@10.0.0.6:3128"
    files_with_it = {UNIT: drop_in(f"https_proxy={secret}"), "/etc/environment": f"http_proxy='{secret}'\n"}
    for machine in (host(files_with_it), host({}, f"HttpProxy.Host={secret}", "HttpProxy.Port=3128")):
        found = report(machine)
        told = repr(replace(found, run=replace(found.run, started_at=""))).replace("runtime", "")  # 14:01:59 has a 1:
        assert not [piece for piece in ("hun", "ter2", "un#", "1:") if piece in told]


@pytest.mark.parametrize(
    "host_value", ["http://u:p@10.0.0.6", "u:p@10.0.0.6", "http://10.0.0.6:3128/", "http://10.0.0.6/"]
)
def test_a_host_that_is_an_address_with_user_scheme_or_port_is_none(host_value: str) -> None:
    machine = host({}, f"HttpProxy.Host={host_value}", "HttpProxy.Port=3128")
    (found,) = findings(report(machine), "proxy-settings")
    assert "is no host name" in found.message
    assert "HttpProxy.Host=10.0.0.6' " in found.commands[0]


@pytest.mark.parametrize(
    ("value", "proxy"),
    [
        ("http://proxy:3128/", "proxy:3128"),
        ("http://u:p@ss#word@proxy:3128", None),
        ("http://u:p/w@proxy:3128", None),
        ("proxy", "proxy"),
        ("socks5://u:p@[fd00::1]:1080", "[fd00::1]:1080"),
        ("http://proxy:port", None),
        ("http://", None),
    ],
)
def test_a_proxys_address_is_cut_to_host_and_port(value: str, proxy: str | None) -> None:
    assert proxy_files.proxy_of(value) == proxy


@pytest.mark.parametrize("text", ["http_proxy='", "http_proxy=$(curl x)", "=", "\0http_proxy"])
def test_odd_lines_set_nothing(text: str) -> None:
    assert proxy_files.proxy_of(proxy_files.assignments(text).get("http_proxy")) is None


def test_a_file_that_cannot_be_read_leaves_it_undecided() -> None:
    result = by_check(report(host({"/etc/environment": Denied()})))["proxy-platform-addresses"]
    assert (result.status.value, result.reason) == ("unknown", "cannot read /etc/environment: Permission denied")


# --- the agent ----------------------------------------------------------------------------------------------------


def test_the_agents_configuration_goes_before_its_environment() -> None:
    unit = {UNIT: drop_in("https_proxy=http://env:1", "no_proxy=.windows.net")}
    conf = ("HttpProxy.Host=conf", "HttpProxy.Port=2")
    other = "https://packages.example.net/"
    assert agent_proxy(facts_of(host(unit, *conf)), other) == "conf:2"
    assert agent_proxy(facts_of(host(unit)), other) == "env:1"
    assert agent_proxy(facts_of(host(unit, *conf)), STORE) is None  # no_proxy exempts it from both
    assert agent_proxy(facts_of(host(unit)), "http://packages.example.net/") is None
    assert agent_proxy(facts_of(host(unit, "HttpProxy.Host=conf")), other) is None  # no port, no proxy at all


def test_what_is_no_address_is_fetched_by_no_proxy() -> None:
    """A document of the network names it, and one that is broken must not end the check."""
    assert agent_proxy(facts_of(host({}, "HttpProxy.Host=conf", "HttpProxy.Port=2")), "https://[::1/") is None


def test_a_proxy_of_the_environment_without_a_port_is_none() -> None:
    machine = host({UNIT: drop_in("https_proxy=http://proxy.example.net")})
    assert agent_proxy(facts_of(machine), STORE) is None
    (found,) = findings(report(machine), "proxy-settings")
    assert "sets the proxy proxy.example.net without a port" in found.message


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (("https_proxy=10.0.0.6:3128",), "the proxy 10.0.0.6:3128 without http:// before it"),
        (("https_proxy=proxy:3128", "http_proxy=proxy:3128"), "the proxy proxy:3128 without http:// before it"),
        (("ALL_PROXY=http://proxy:3128",), "the proxy proxy:3128 as all_proxy alone"),
        (("https_proxy=http://u:p/w@proxy:3128",), "with one of / ? # in its password, so waagent"),
    ],
)
def test_what_the_agent_takes_for_no_proxy_is_said(variables: tuple[str, ...], words: str) -> None:
    machine = host({UNIT: drop_in(*variables, f"no_proxy={PLATFORM}")})
    assert agent_proxy(facts_of(machine), STORE) is None
    (found,) = findings(report(machine), "proxy-settings")
    assert words in found.message


@pytest.mark.parametrize(
    ("host", "entry", "exempt"),
    [
        ("169.254.169.254", "169.254.169.254", True),
        ("169.254.169.254", "169.254.0.0/16", True),
        ("169.254.169.254", "*", True),
        ("169.254.169.254", "254", False),
        ("169.254.169.254", "169.254.0.0/99", False),
        ("x.blob.core.windows.net", ".Windows.net", True),
        ("x.blob.core.windows.net", "*.windows.net", True),
        ("x.blob.core.windows.net", "10.0.0.0/8", False),
    ],
)
def test_no_proxy_exempts_addresses_networks_and_the_ends_of_names(host: str, entry: str, exempt: bool) -> None:
    assert is_exempt(host, (entry,)) is exempt


# --- what is caught -----------------------------------------------------------------------------------------------


def test_only_the_address_that_is_not_exempt_is_named_with_the_command_that_exempts_it() -> None:
    machine = host({UNIT: drop_in("http_proxy=http://10.0.0.6:3128", "no_proxy=localhost,168.63.129.16")})
    (found,) = findings(report(machine), "proxy-platform-addresses")
    assert found.severity is Severity.WARNING
    assert "does not exempt 169.254.169.254:" in found.message
    assert found.commands == (
        "mkdir -p /etc/systemd/system/walinuxagent.service.d && printf '%s\\n' '[Service]'"
        " 'Environment=\"no_proxy=localhost,168.63.129.16,169.254.169.254\"'"
        " > /etc/systemd/system/walinuxagent.service.d/zz-no-proxy.conf",
    )


def test_a_proxy_that_catches_cloud_inits_metadata_is_an_error_where_it_provisions() -> None:
    result = report(host({CLOUD_INIT_UNIT: drop_in("http_proxy=http://10.0.0.6:3128")}))
    assert [(cause.cause, cause.severity) for cause in result.causes] == [(Cause.PROXY, Severity.ERROR)]


@pytest.mark.parametrize(
    "changes",
    [
        {UNIT: drop_in("https_proxy=http://10.0.0.6:3128")},
        {"/etc/apt/apt.conf": 'Acquire::http::Proxy "http://10.0.0.6:3128";'},
        {"/etc/environment": f"http_proxy=http://10.0.0.6:3128\nno_proxy={PLATFORM}\n"},
    ],
)
def test_what_cannot_catch_them_is_no_finding(changes: dict[str, str]) -> None:
    """Both addresses are asked by plain HTTP, and package managers ask neither."""
    assert statuses(report(host(changes)))["proxy-platform-addresses"] == "pass"


def test_a_mounted_image_is_judged_too() -> None:
    machine = replace(BROKEN["proxy-platform-addresses"][0], root="/mnt/image")
    result = by_check(report(machine, replace(RUN, root="/mnt/image")))["proxy-platform-addresses"]
    assert (result.status.value, result.severity) == ("fail", Severity.WARNING)


@pytest.mark.parametrize(
    ("entry", "exempt"),
    [
        (".blob.core.windows.net", True),
        ("*.blob.core.windows.net", False),
        ("*", False),
        ("blob.core.windows.net", True),
    ],
)
def test_waagent_takes_a_star_for_a_letter(entry: str, exempt: bool) -> None:
    """As bypass_proxy of 2.7.3 and 2.16 does; before capture it is an error of the image."""
    machine = host({UNIT: drop_in("https_proxy=http://env:1", f"no_proxy={PLATFORM},{entry}")})
    assert (agent_proxy(facts_of(machine), STORE) is None) is exempt
    found = findings(judged(machine, RUN, agents.PROBE, PROBE), "proxy-settings")
    assert bool(found) is ("*" in entry)
    for stage, severity in ((Stage.CAPTURE, Severity.ERROR), (Stage.FIRSTBOOT, Severity.WARNING)):
        told = findings(judged(machine, replace(RUN, stage=stage), agents.PROBE, PROBE), "proxy-settings")
        assert [one.severity for one in told] == ([severity] if "*" in entry else [])
