"""The agents' logs, as real machines wrote them (excerpts of recorded logs in tests/data/logs)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.azure.log_signatures import SIGNATURES, WAAGENT, Signature
from azpreflight.engine.assess import assess
from azpreflight.engine.gather import gather
from azpreflight.model import Cause, Confidence, Platform, Run, Stage, Status
from azpreflight.probes import logs
from azpreflight.probes.logs.checks import sighting
from azpreflight.probes.logs.collect import parse
from azpreflight.probes.logs.facts import PATHS
from tests.support.fakes import Denied, FakeHost, Fifo

DATA = Path(__file__).parents[2] / "data" / "logs"
RUN = Run(stage=Stage.FIRSTBOOT, platform=Platform.AZURE)


def recorded(waagent: str, cloud_init: str = "healthy-cloud-init.log") -> FakeHost:
    return FakeHost(
        files={
            "/var/log/waagent.log": (DATA / waagent).read_text(),
            "/var/log/cloud-init.log": (DATA / cloud_init).read_text(),
        }
    )


HEALTHY = (recorded("healthy-waagent.log"), RUN)
BROKEN = {"logs-vm-identifier": (recorded("not-generalized-waagent.log"), RUN)}


def judged(host: FakeHost) -> tuple[Status, str]:
    result = assess(gather(host, (logs.PROBE,), RUN), (logs.PROBE,)).results[0]
    return result.status, result.reason or (result.findings[0].message if result.findings else "")


def test_a_healthy_log_says_nothing() -> None:
    assert judged(HEALTHY[0]) == (Status.PASS, "")


def test_the_changed_identifier_is_a_likely_cause_with_its_line_as_evidence() -> None:
    host, run = BROKEN["logs-vm-identifier"]
    report = assess(gather(host, (logs.PROBE,), run), (logs.PROBE,))
    assert report.causes[0].cause is Cause.NOT_GENERALIZED
    assert report.causes[0].confidence is Confidence.LIKELY
    assert any("unique identifier has changed" in line for line in report.causes[0].evidence)


@pytest.mark.parametrize(
    ("name", "cause", "signature"),
    [
        ("dns-dead-waagent.log", Cause.DNS_UNREACHABLE, "download-name"),
        ("firewall-waagent.log", Cause.PLATFORM_UNREACHABLE, "wire-server-silent"),
    ],
)
def test_other_lines_are_evidence_and_no_finding(name: str, cause: Cause, signature: str) -> None:
    facts = logs.gather(recorded(name), RUN)
    assert judged(recorded(name))[0] is Status.PASS
    assert sighting(facts, signature) is not None
    assert cause in dict(logs.witness(facts))


@pytest.mark.parametrize("node", [Denied(), Fifo()])
def test_a_log_that_cannot_be_read_is_unknown(node: Denied | Fifo) -> None:
    status, reason = judged(FakeHost(files={"/var/log/waagent.log": node}))
    assert status is Status.UNKNOWN
    assert "/var/log/waagent.log" in reason


def test_no_log_at_all_is_a_pass() -> None:
    """Before the agents have run there is nothing to witness."""
    assert judged(FakeHost()) == (Status.PASS, "")


@pytest.mark.parametrize(
    "words",
    [
        "GET https://x.blob.core.windows.net/p?sv=1&sig=SECRET",
        "GET /p?sv=1&sig=SECRET",
        "Tunnel connection failed: 407 at http://user:SECRET@10.0.0.9:3128",
        "settings {'password': 'SECRET SECRET', \"protectedSettings\": \"SECRET\"} sent",
        "Password=SECRET; accountKey: SECRET",
    ],
)
def test_no_secret_of_a_line_is_kept(words: str) -> None:
    facts = logs.LogsFacts(parse(f"Fetch failed: GET https://host/ {words} -- IOError timed out", WAAGENT), (), ())
    evidence = [line for _, line in logs.witness(facts)]
    assert evidence and all("Fetch failed" in line for line in evidence)
    assert "SECRET" not in str((evidence, facts))


LINES = {
    "vm-identifier-changed": "VM is provisioned, but the VM unique identifier has changed. This indicates the VM may",
    "already-provisioned": "Provisioning already completed, skipping.",
    "provisioning-disabled": "Provisioning is disabled, skipping.",
    "chosen-agent": "Using cloud-init for provisioning",
    "saw-cloud-init": "cloud-init is enabled: True",
    "waagent-provisioned": "Provisioning complete",
    "waagent-saw-cloud-init-provision": "Finished provisioning",
    "provisioning-failed": "Provisioning with cloud-init failed: [ProvisionError] Giving up (1822.3s)",
    "two-agents": "[ProvisionError] cloud-init appears to be installed and enabled, this is not expected, cannot go on",
    "waits-for-cloud-init": "Waiting for cloud-init to copy ovf-env.xml to /var/lib/waagent/ovf-env.xml [1800 retries",
    "cloud-init-off": "cloud-init does not appear to be enabled",
    "gave-up-on-cloud-init": "Giving up, ssh host key was not found at /etc/ssh/ssh_host_rsa_key.pub after 1800s",
    "no-dvd": "Failed to get dvd device from /dev",
    "dvd-not-mounted": "Mounting dvd failed [retry 1/5, sleeping 5 sec]",
    "unknown-filesystem": "mount: /mnt: unknown filesystem type 'udf'.",
    "ovf-unreadable": "ovf-env.xml is missing from /var/lib/waagent/ovf-env.xml",
    "no-platform-route": "No route exists to 168.63.129.16",
    "dhcp-failed": "Failed to send DHCP request: [DhcpError] timed out",
    "no-routes": "Could not determine primary interface, please ensure /proc/net/route is correct",
    "no-dhclient": "Dhcp client is not running.",
    "wire-server-silent": "Protocol endpoint not found: [ProtocolError] GET http://168.63.129.16/ -- IOError timed out",
    "hostgaplugin-blocked": "GET vmSettings [correlation ID: 5ae10ea1 eTag: None]: Request failed: [HTTP Failed] GET",
    "agent-crashed": "Daemon ended with exception -- Sleep 15 seconds and restart daemon",
    "agent-disabled": "Disabling the guest agent by sleeping forever; to re-enable, remove the file and restart",
    "hidden-exception": "format_exception() got an unexpected keyword argument 'etype'",
    "download-name": "Fetch failed: [HTTP Failed] GET http://a/m.xml -- IOError [Errno -3] Temporary failure in name",
    "download-timeout": "Fetch failed: [HttpError] [HTTP Failed] GET http://a/m.xml -- IOError timed out -- 6 attempts",
    "download-refused": "Fetch failed: [HTTP Failed] GET http://a/m.xml -- IOError [Errno 111] Connection refused",
    "download-tls": "Fetch failed: [HTTP Failed] GET https://a/m -- IOError [SSL: CERTIFICATE_VERIFY_FAILED] x",
    "download-proxy": "IOError Tunnel connection failed: 407 Proxy Authentication Required",
    "download-status": "Fetch failed: [HttpError] [HTTP Retry] GET http://a/m.xml -- Status Code 403 -- 25 attempts",
    "download-by-host": "Default channel changed to HostGAPlugin channel.",
    "download-failed": "[HttpError] Download failed both on the primary and fallback channels. Primary: [x]",
    "agent-rules-incomplete": "The following rules are missing: ['ACCEPT'] due to: ['']. Will reset it.",
    "extension-status": "Extension status: [('Example.Test.Noop', 'success')]",
    "extensions-terminal": "All extensions in the goal state have reached a terminal state: []",
    "cloud-init-failure": "Azure datasource failure occurred: result=error|reason=failure to obtain DHCP lease|agent=x",
    "cloud-init-no-media": "Unable to find provisioning media, falling back to IMDS metadata.",
    "cloud-init-no-lease": "Failed to obtain DHCP lease (iface=eth0 mac=00:0d:3a:00:00:01 driver=hv_netvsc)",
    "cloud-init-lease": "Obtained DHCP lease on interface 'eth0' (primary=True driver='hv_netvsc'",
    "cloud-init-imds": "Polling IMDS failed attempt 3 with exception: x",
    "cloud-init-wire-server": "Failed HTTP request with Azure endpoint http://168.63.129.16/machine/?comp=goalstate",
    "cloud-init-reported-ready": "Reported ready to Azure fabric.",
    "cloud-init-reported-failure": "Reported failure to Azure fabric.",
    "cloud-init-stale-report": "PPS type: Unknown",
    "cloud-init-stale-cache": "manual cache clean found from marker: /var/lib/cloud/instance/manual-clean",
    "cloud-init-cache": "cache invalid in datasource: DataSourceAzure",
    "cloud-init-no-datasource": "Did not find any data source, searched classes: (DataSourceNoCloud)",
    "cloud-init-kept-hostname": "No hostname changes. Skipping set_hostname",
    "cloud-init-no-network": "network config is disabled by system_cfg",
    "cloud-init-disabled": "cloud-init is enabled but no datasource found, disabling",
    "cloud-init-finished": "Cloud-init v. 22.4.2 finished at Sun, 22 Nov 2026 18:17:36 +0000. Datasource x",
}
"""What the agents write for each signature."""


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda signature: signature.id)
def test_every_signature_is_recognised_in_its_log(signature: Signature) -> None:
    """And in a healthy machine's log none that stands for a cause is."""
    seen = parse(f"2026-11-22T18:17:36.658637Z INFO Daemon {LINES[signature.id]}\n", signature.log)
    assert signature.id in {sighting.id for sighting in seen}
    assert dict(logs.witness(logs.gather(HEALTHY[0], RUN))) == {}


def test_a_status_of_the_hostgaplugin_is_no_sign_of_a_closed_way_out() -> None:
    """It fetches for the VM over the host's own network."""
    line = (
        "Fetch failed: [HTTP Retry] GET http://168.63.129.16:32526/extensionArtifact -- Status Code 502 -- 6 attempts"
    )
    assert parse(line, WAAGENT) == ()


def test_signature_ids_are_unique() -> None:
    assert len({signature.id for signature in SIGNATURES}) == len(SIGNATURES)


@given(st.text())
def test_any_text_is_parsed(text: str) -> None:
    for log in PATHS:
        for seen in parse(text, log):
            assert seen.last.isascii()
            assert seen.last.isprintable()
