"""What a goss file becomes."""

from __future__ import annotations

import pytest

from azpreflight.config import ConfigError, parse
from azpreflight.config.goss import convert

TAKEN = """\
file:
  /etc/passwd: {exists: true, mode: "0644", owner: root, group: root, contents: [root, "!toor", '\\!x']}
  /etc/shadow: {exists: true, mode: 0640}
  /etc/none: {exists: false, skip: false}
package:
  bash: {installed: true, versions: ["5.2.15-2+b7"]}
  telnet: {installed: false}
service:
  sshd: {enabled: true}
addr:
  tcp://10.0.0.4:22: {reachable: true, timeout: 500}
  database: {address: "tcp://db.corp.example:5432", reachable: false}
dns:
  db.corp.example: {resolvable: true, server: 10.0.0.4, timeout: 500, title: the database is known}
kernel-param:
  net.core.somaxconn: {value: "128"}
http:
  https://www.example.com/: {status: 200, allow-insecure: false, no-follow-redirects: true, timeout: 1000}
"""


def test_what_has_a_counterpart_is_taken() -> None:
    """All of it, and what is printed is a configuration."""
    converted = convert(TAKEN)
    assert converted.left_out == ()
    checks = {check.id: check for check in parse(converted.text, "site.yaml", ()).checks}
    assert len(checks) == 11
    passwd = checks["site-file-etc-passwd"]
    assert (passwd.mode, passwd.contains, passwd.lacks) == ("644", ("root", "!x"), ("toor",))
    assert checks["site-file-etc-shadow"].mode == "640"
    assert checks["site-file-etc-none"].present is False
    assert checks["site-package-telnet"].present is False
    assert checks["site-addr-database"].subject == "db.corp.example:5432"
    assert checks["site-dns-db-corp-example"].message == "the database is known"
    assert checks["site-http-https-www-example-com"].timeout == 1.0


@pytest.mark.parametrize(
    ("text", "left_out", "taken"),
    [
        ("command: {'go version': {exit-status: 0}}", "command go version: nothing here inspects that", 0),
        ("port: {'tcp:22': {listening: true}}", "port tcp:22: nothing here inspects that", 0),
        ("file: {/a: {exists: true, sha256: x}}", "file /a: sha256 has no counterpart", 1),
        ("file: {/a: {exists: true, contents: [/ro+t/]}}", "file /a: the regular expression /ro+t/", 1),
        ("file: {/a: {exists: true, contents: {and: []}}}", "file /a: contents with a matcher", 1),
        ("file: {/a: {exists: true, skip: true}}", "file /a: it is skipped", 0),
        ("file: {a: {exists: true}}", "file a: file: expected an absolute path without .., found a (str)", 0),
        ("file: {/a: {exists: false, mode: '0640'}}", "file /a: mode has no counterpart", 1),
        ("service: {sshd: {running: true}}", "service sshd: running has no counterpart", 0),
        ("service: {x: {enabled: false}}", "service x: enabled: false may be disabled, masked or absent here", 0),
        ("addr: {'udp://a:53': {reachable: true}}", "addr udp://a:53: only tcp is connected to", 0),
        ("addr: {'tcp://a:53': {reachable: true, timeout: 60000}}", "addr tcp://a:53: timeout has no counterpart", 1),
        ("dns: {'MX:a': {resolvable: true}}", "dns MX:a: records of one type are not asked for", 0),
        ("dns: {a: {resolvable: true, addrs: [127.0.0.1]}}", "dns a: addrs are some of its addresses there", 1),
        ("kernel-param: {a: {value: {gt: 2}}}", "kernel-param a: value has no counterpart", 0),
        ("http: {'http://a/': {status: 200, allow-insecure: true}}", "allow-insecure has no counterpart", 1),
    ],
)
def test_what_has_none_is_named(text: str, left_out: str, taken: int) -> None:
    """And the rest of the resource is taken."""
    converted = convert(text)
    assert any(left_out in one for one in converted.left_out)
    assert len(parse(converted.text, "site.yaml", ()).checks) == taken


def test_two_names_that_look_alike_have_two_ids() -> None:
    converted = convert("file: {/a.b: {exists: true}, /a-b: {exists: true}}")
    assert [check.id for check in parse(converted.text, "s.yaml", ()).checks] == ["site-file-a-b", "site-file-a-b-2"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("file: {{ .Vars.x }}", "it is a template: render it first"),
        ("- a", "not a mapping"),
        ("a: &a [*a]", "alias"),
        ("a: [", "line 1"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        convert(text)
