"""A plugin of sos: copy it to sos/report/plugins/ of the Python that sos is installed in.

It collects the daemon's last report and history, the configuration, and a report of now.
"""

from __future__ import annotations

from sos.report.plugins import DebianPlugin, Plugin, RedHatPlugin, SuSEPlugin, UbuntuPlugin


class Azpreflight(Plugin, RedHatPlugin, DebianPlugin, UbuntuPlugin, SuSEPlugin):
    """Why provisioning on Azure failed, or would fail."""

    short_desc = "azpreflight: provisioning on Azure"
    plugin_name = "azpreflight"
    profiles = ("boot", "network", "virt")
    packages = ("azpreflight",)
    commands = ("azpreflight",)

    def setup(self) -> None:
        """What is collected."""
        self.add_copy_spec(["/etc/azpreflight", "/var/lib/azpreflight", "/var/log/azpreflight"])
        self.add_cmd_output("azpreflight check --stage firstboot --color never", suggest_filename="check.txt")
        self.add_cmd_output("azpreflight check --stage firstboot --format json", suggest_filename="check.json")
        self.add_cmd_output("azpreflight config", suggest_filename="config.txt")
        self.add_journal(identifier="azpreflight")
