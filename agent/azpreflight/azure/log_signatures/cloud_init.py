"""What cloud-init and ds-identify write, into their logs, on the console and to the host: cloud-init 20.4 to 26.2."""

from __future__ import annotations

import re
from typing import Optional

from azpreflight.azure.log_signatures.signature import CLOUD_INIT, DS_IDENTIFY, Signature, Step
from azpreflight.model import Cause


def _line(id: str, pattern: str, source: str, cause: Optional[Cause] = None, step: Optional[Step] = None) -> Signature:
    return Signature(id, CLOUD_INIT, re.compile(pattern), source, cause, step)


CLOUD_INIT_LINES = (
    _line(
        "cloud-init-started",
        r"Cloud-init v\. (?P<value>\d[\w.+~-]{1,40}) running 'init-local'",
        "cmd/main.py",
        step=Step.AGENT,
    ),
    _line("vm-id", r"Azure VM ID: (?P<value>[0-9a-fA-F-]{36})", "sources/DataSourceAzure.py"),
    _line(
        "cloud-init-running",
        r"Cloud-init v\. (?P<value>\d[\w.+~-]{1,40}) running '(?:init|modules:\w+)'",
        "cmd/main.py",
    ),
    _line(
        "cloud-init-failure",
        r"Azure datasource failure occurred: .*reason=|result=error\|reason=.{1,200}\|agent=Cloud-Init/",
        "sources/DataSourceAzure.py",
    ),
    _line(
        "cloud-init-no-media",
        r"Unable to find provisioning media, falling back to IMDS|No OVF or IMDS available|\S was not mountable",
        "sources/DataSourceAzure.py",
        Cause.PROVISIONING_MEDIA,
    ),
    _line(
        "cloud-init-ovf",
        r"reason=(?:error|unexpected metadata) parsing ovf-env\.xml",
        "sources/azure/errors.py",
        Cause.PROVISIONING_MEDIA,
    ),
    _line(
        "cloud-init-no-custom-data",
        r"Did not find custom data in .{1,80}, IMDS returned extended\.compute\.hasCustomData|"
        r"reason=failure to read customData while hasCustomData=true",
        "sources/DataSourceAzure.py",
        Cause.PROVISIONING_MEDIA,
    ),
    _line("cloud-init-media", r"Found provisioning metadata in /dev/", "sources/DataSourceAzure.py", step=Step.DISC),
    _line(
        "cloud-init-no-lease",
        r"Failed to obtain DHCP lease|Interface not found for DHCP|dhclient executable not found|"
        r"reason=failure to (?:find (?:primary )?DHCP interface|obtain DHCP lease)|DHCP failed while in source PPS",
        "sources/DataSourceAzure.py",
        Cause.NO_NETWORK,
    ),
    _line(
        "cloud-init-imds",
        r"Ignoring IMDS metadata due to: |Polling IMDS failed attempt \d+|"
        r"Calling 'http://169\.254\.169\.254/\S{0,200}' failed \[",
        "sources/azure/imds.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _line(
        "cloud-init-imds-failed",
        r"reason=(?:(?:connection timeout|connection error|read timeout|http error \d{3}|unexpected error) "
        r"querying IMDS|error parsing IMDS metadata|invalid IMDS metadata)",
        "sources/azure/errors.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _line(
        "cloud-init-wire-server",
        r"Failed HTTP request with Azure endpoint|failed to register with Azure and fetch GoalState|"
        r"Error communicating with Azure fabric|exception while reporting ready: ",
        "sources/helpers/azure.py",
        Cause.PLATFORM_UNREACHABLE,
    ),
    _line(
        "cloud-init-password",
        r"reason=(?:error importing \w{1,40} library|unsupported password length=)",
        "sources/azure/errors.py",
        Cause.AGENT_CONFIG,
    ),
    _line(
        "cloud-init-proxy-agent",
        r"Failed to activate Azure Guest Proxy Agent|reason=azure-proxy-agent (?:not found|status failure)",
        "sources/azure/errors.py",
        Cause.AGENT_CONFIG,
    ),
    _line("cloud-init-vm-id", r"reason=failure to identify Azure VM ID", "sources/azure/errors.py", Cause.AGENT_CONFIG),
    _line(
        "cloud-init-skips-report",
        r"Skipping final health report as experimental_skip_ready_report is enabled",
        "sources/DataSourceAzure.py",
        Cause.AGENT_CONFIG,
    ),
    _line(
        "cloud-init-goal-state",
        r"Successfully fetched GoalState XML",
        "sources/helpers/azure.py",
        step=Step.GOAL_STATE,
    ),
    _line(
        "cloud-init-reported-ready",
        r"Reported ready to Azure fabric\.|result=success\|agent=Cloud-Init/",
        "sources/helpers/azure.py",
        step=Step.READY,
    ),
    _line("cloud-init-reported-failure", r"Reported failure to Azure fabric\.", "sources/helpers/azure.py"),
    _line(
        "cloud-init-stale-cache",
        r"manual cache clean (?:set from config|found from marker)",
        "cmd/main.py",
        Cause.NOT_GENERALIZED,
    ),
    _line(
        "cloud-init-no-datasource",
        r"Did not find any data source, searched classes|No instance datasource found!|"
        r"Can not apply stage \S{1,20}, no datasource found!|Used fallback datasource|Datasource DataSourceNone",
        "cmd/main.py",
        Cause.NO_PROVISIONING_AGENT,
    ),
    _line(
        "cloud-init-lease",
        r"Obtained DHCP lease on interface '|ci-info: \|[ ]{1,10}(?!lo )\S{1,16}[ ]{1,10}\| True \|[ ]{1,30}\d",
        "sources/DataSourceAzure.py",
        step=Step.NETWORK,
    ),
    _line("cloud-init-stale-report", r"PPS type: Unknown", "sources/DataSourceAzure.py", Cause.NOT_GENERALIZED),
    _line(
        "cloud-init-cache",
        r"cache invalid in datasource|restored from (?:checked )?cache",
        "stages.py",
    ),
    _line("cloud-init-kept-hostname", r"No hostname changes\. Skipping set_hostname", "config/cc_set_hostname.py"),
    _line("cloud-init-no-network", r"network config is disabled by", "stages.py"),
    _line("cloud-init-stage-failed", r"failed run of stage \S{1,20}", "cmd/main.py"),
    _line("cloud-init-finished", r"Cloud-init v\. \S{1,40} finished at ", "config/cc_final_message.py"),
    _line(
        "cloud-init-finished-azure",
        r"Cloud-init v\. \S{1,40} finished at .{1,80}Datasource DataSourceAzure",
        "config/cc_final_message.py",
    ),
    # Its policy line, written at every boot, ends in notfound=disabled and means nothing.
    Signature(
        "cloud-init-disabled",
        DS_IDENTIFY,
        re.compile(
            r"disabled by marker file /etc/cloud/cloud-init\.disabled|disabled by KERNEL_CMDLINE environment variable|"
            r"disabled by kernel command line cloud-init=disabled|"
            r"cloud-init is enabled but no datasource found, disabling|"
            r"No ds found \[mode=\S{1,20} notfound=\S{1,20}\]\. Disabled cloud-init|"
            r"cloud-init is disabled by kernel command line or etc_file|Cloud-init disabled by cloud-init-generator"
        ),
        "tools/ds-identify",
        Cause.NO_PROVISIONING_AGENT,
    ),
)
