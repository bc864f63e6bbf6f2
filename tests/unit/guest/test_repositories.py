"""Where an image's packages come from, by the files of its package manager."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.guest.repositories import look, servers
from tests.support.fakes import Denied, FakeHost, Node

DEB822 = """\
Types: deb
URIs: cdrom:[x]/ http://azure.archive.ubuntu.com/ubuntu/
Suites: noble

Enabled: no
Types: deb
URIs: https://off.example.net/
"""
RHUI = """\
[rhui-rhel-9]
name=Red Hat
baseurl=https://rhui4-1.microsoft.com/pulp/repos/content/dist/rhel9/rhui/$releasever
        https://rhui4-2.microsoft.com/pulp/repos/content/dist/rhel9/rhui/$releasever
enabled=1

[rhui-rhel-9-source]
baseurl=https://off.example.net/
enabled=0
"""


@pytest.mark.parametrize(
    ("path", "text", "urls"),
    [
        (
            "/etc/apt/sources.list",
            "deb [arch=amd64 trusted=yes] http://deb.example.net/a b c\n",
            ["http://deb.example.net/"],
        ),
        ("/etc/apt/sources.list", "# deb http://a.example.net/ b\ndeb-src http://b.example.net/ c\n", []),
        (
            "/etc/apt/sources.list.d/x.list",
            "deb https://u:p@esm.example.net:8443/a b\n",
            ["https://esm.example.net:8443/"],
        ),
        ("/etc/apt/sources.list.d/ubuntu.sources", DEB822, ["http://azure.archive.ubuntu.com/"]),
        ("/etc/yum.repos.d/rh-cloud.repo", RHUI, ["https://rhui4-1.microsoft.com/"]),
        (
            "/etc/yum.repos.d/f.repo",
            "[f]\nmetalink = https://mirrors.example.net/m?x=1\n",
            ["https://mirrors.example.net/"],
        ),
        ("/etc/zypp/repos.d/s.repo", "[s]\nbaseurl=plugin:/susecloud?x=1\n", []),
        ("/etc/apt/sources.list", Denied(), []),
    ],
)
def test_the_servers_of_repositories_in_use(path: str, text: Node, urls: list[str]) -> None:
    """Without users, passwords and paths, which may be a subscription's."""
    assert list(look(FakeHost(files={path: text}))) == urls


@given(st.text(alphabet="deb :/[]=\n.htpURIs", max_size=400))
def test_no_text_harms(text: str) -> None:
    """Files are hostile input."""
    for path in ("x.list", "x.repo"):
        assert all(url.startswith("http") for url in servers(text, path))
