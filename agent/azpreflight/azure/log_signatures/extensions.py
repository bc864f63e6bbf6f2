"""What waagent's extension handler writes about packages and extensions: WALinuxAgent 2.2 to 2.16."""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.azure.log_signatures.signature import WAAGENT, Signature, Step
from azpreflight.model import Cause

EXTENSIONS_DONE = "extensions-terminal"


def _line(id: str, pattern: str, source: str, cause: Optional[Cause] = None, step: Optional[Step] = None) -> Signature:
    return Signature(id, WAAGENT, re.compile(pattern), source, cause, step)


EXTENSIONS = (
    # -3 is "no answer, or a failure"; -2 and -5 are "a server answered: there is no such name, or no address of it".
    _line(
        "download-name",
        r"(?:Fetch failed|HTTP Failed).*-- IOError \[Errno -3\]",
        "common/utils/restutil.py",
        Cause.DNS_UNREACHABLE,
    ),
    _line(
        "download-no-such-name",
        r"(?:Fetch failed|HTTP Failed).*-- IOError \[Errno -[25]\]",
        "common/utils/restutil.py",
        Cause.DNS_WRONG_ANSWER,
    ),
    _line(
        "download-timeout",
        r"Fetch failed: (?!.*168\.63\.129\.16).* -- IOError (?:The read operation )?timed out",
        "common/utils/restutil.py",
        Cause.NO_EGRESS,
    ),
    _line(
        "download-refused",
        r"Fetch failed: (?!.*168\.63\.129\.16).* -- IOError \[Errno (?:101|111|113)\]",
        "common/utils/restutil.py",
        Cause.NO_EGRESS,
    ),
    _line(
        "download-tls", r"Fetch failed: .*CERTIFICATE_VERIFY_FAILED", "common/utils/restutil.py", Cause.TLS_INTERCEPTION
    ),
    _line(
        "download-clock", r"certificate is not yet valid", "common/utils/restutil.py, in OpenSSL's words", Cause.CLOCK
    ),
    _line("download-proxy", r"Tunnel connection failed: \d{3}", "common/utils/restutil.py", Cause.PROXY),
    _line(
        "download-status",
        r"\[HTTP Retry\] GET (?!http://168\.63\.129\.16)\S+ -- Status Code \d{3}|"
        r"Fetch failed from \[(?!http://168\.63\.129\.16)\S+\](?: with headers .{0,100})?: \[HTTP Failed\] \[\d{3}: ",
        "common/utils/restutil.py",
        Cause.NO_EGRESS,
    ),
    _line(
        "download-by-host",
        r"Default channel changed to HostGA(?:Plugin)? channel|Setting host plugin as default channel from now on",
        "common/protocol/wire.py",
    ),
    _line(
        "download-failed",
        r"Failed to download artifacts: |Failed to (?:download|fetch) .* from all (?:URIs|sources)|"
        r"Failed to (?:get ext handler pkgs|retrieve extension manifest)|"
        r"Download failed both on the primary and fallback channels",
        "ga/exthandlers.py",
    ),
    _line(
        "agent-rules-incomplete",
        r"The firewall is not configured correctly\.|Unable to add firewall rules|The following rules are missing: |"
        r"Cannot create a firewall manager",
        "ga/env.py",
        Cause.GUEST_FIREWALL,
    ),
    _line(
        "iptables-inconsistent",
        r"The results returned by iptables are inconsistent",
        "ga/env.py",
        Cause.GUEST_FIREWALL,
    ),
    _line(
        "extension-refused",
        r"Extension will not be processed(?:: failed to| due to an error verifying extension policy)",
        "ga/exthandlers.py",
        Cause.AGENT_CONFIG,
    ),
    _line(
        "extensions-disabled",
        r"will not be processed since extension processing is disabled|Extension processing is disabled",
        "ga/exthandlers.py",
        Cause.AGENT_CONFIG,
    ),
    _line("extensions-begin", r"Process(?:ExtensionsIn)?GoalState started \[", "ga/exthandlers.py"),
    _line("handler-running", r"is running as the goal state agent", "ga/update.py", step=Step.AGENT),
    _line("extension-status", r"Extension status: \[.*\]", "ga/update.py"),
    _line(
        "extension-failed",
        r"All extensions in the goal state have reached a terminal state: \[.*'(?:error|NotReady|failed)'",
        "ga/exthandlers.py",
    ),
    _line(
        EXTENSIONS_DONE,
        r"All extensions in the goal state have reached a terminal state",
        "ga/exthandlers.py",
        step=Step.EXTENSIONS,
    ),
)
