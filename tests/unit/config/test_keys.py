"""One file of the configuration: what is allowed, what each mistake is told, and what an editor is told of both."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from azpreflight.config import DEFAULT_PATH, SIZE_LIMIT, ConfigError, keys, load, parse
from azpreflight.host import LocalHost
from azpreflight.model import Config, Severity, SiteCheck, SiteKind, Stage, Waiver
from tests.support.fakes import Denied, FakeHost, Fifo

IDS = ("dns-servers", "dns-tcp", "egress-packages")

FULL = """\
# what this image is for
cloud: usgov
region: usgovvirginia
endpoints:
  - https://packages.example.com/repo
  - http://10.0.0.8:8080/
ignore: [dns-tcp]
fail_on: warning
timeout: 20
waive:
  - {check: dns-tcp, match: "10.0.0.*", reason: the new server comes, until: 2027-01-31, severity: warning}
checks:
  - {id: agent, file: /etc/corp/agent.conf, contains: ["a: b"], mode: 0640, owner: root, stages: [build]}
  - {id: site-db, name: db.corp.example, server: 10.0.0.4, within: [10.0.0.0/8], timeout: 1, severity: note}
"""


def test_none_can_be_asked_for() -> None:
    """The daemon does so where the one that is there is wrong."""
    assert load(LocalHost(), os.devnull, required=True, check_ids=IDS) == Config()


def test_every_key() -> None:
    """A file with all keys is the configuration that it says."""
    assert parse(FULL, "c.yaml", IDS) == Config(
        cloud="usgov",
        region="usgovvirginia",
        endpoints=("https://packages.example.com/repo", "http://10.0.0.8:8080/"),
        ignore=("dns-tcp",),
        fail_on=Severity.WARNING,
        timeout=20.0,
        waive=(Waiver("dns-tcp", "the new server comes", "10.0.0.*", "2027-01-31", Severity.WARNING),),
        checks=(
            SiteCheck(
                "site-agent",
                SiteKind.FILE,
                "/etc/corp/agent.conf",
                contains=("a: b",),
                mode="640",
                owner="root",
                stages=(Stage.BUILD,),
            ),
            SiteCheck(
                "site-db",
                SiteKind.NAME,
                "db.corp.example",
                Severity.NOTE,
                server="10.0.0.4",
                within=("10.0.0.0/8",),
                timeout=1.0,
            ),
        ),
    )


def test_an_endpoint_brings_no_secret_along() -> None:
    """What is kept of it may be saved and sent to somebody."""
    text = "endpoints: ['https://user:SECRET@host.example:8443/path?sig=SECRET#SECRET']"
    assert parse(text, "c.yaml", IDS).endpoints == ("https://host.example:8443/path",)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n...\n", "{}\n"])
def test_an_empty_file_is_the_defaults(text: str) -> None:
    """Nothing said, nothing changed."""
    assert parse(text, "c.yaml", IDS) == Config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cluod: public", "c.yaml:1: no key cluod (did you mean cloud?); there are cloud, region, endpoints, "),
        ("a: 1\n", "c.yaml:1: no key a; there are cloud, "),
        ("cloud: public\n1: 2\n", "c.yaml:2: no key 1; "),
        ("cloud: moon", "c.yaml:1: cloud: expected one of public, usgov, china, found moon (str)"),
        ("\ncloud: [public]", "c.yaml:2: cloud: expected one of public, usgov, china, found a list"),
        ("cloud: {a: b}", "c.yaml:1: cloud: expected one of public, usgov, china, found a mapping"),
        ("cloud:\n", "c.yaml:1: cloud: expected one of public, usgov, china, found nothing"),
        ("region: no", "c.yaml:1: region: expected the short name of a region, such as westeurope, found no (bool)"),
        ("region: West Europe", "found West Europe (str)"),
        ("endpoints: https://a", "c.yaml:1: endpoints: expected a list of http:// or https:// URLs, found https://a"),
        ("endpoints:\n- https://a\n- ftp://b\n", "c.yaml:3: endpoints: expected a list of http:// or https:// URLs"),
        ("endpoints: ['https://a b']", "found https://a b (str)"),
        ("endpoints: ['https://[::1/']", "found https://[::1/ (str)"),
        ("endpoints: ['https://[']", "found https://[ (str)"),
        ("endpoints: ['https://a:99999/']", "found https://a:99999/ (str)"),
        ("endpoints: ['https://a:b/']", "found https://a:b/ (str)"),
        ("endpoints: ['https:///b']", "found https:///b (str)"),
        ("endpoints: ['https://user:word@/']", "found https://user:word@/ (str)"),
        ("ignore: [dns-server]", "(see azpreflight list) (did you mean dns-servers?), found dns-server (str)"),
        ("ignore: dns-tcp", "c.yaml:1: ignore: expected a list of check ids"),
        ("fail_on: never", "c.yaml:1: fail_on: expected one of note, warning, error, found never (str)"),
        ("timeout: 0", "c.yaml:1: timeout: expected seconds from 0.1 to 3600, found 0 (int)"),
        ("timeout: 4000", "found 4000 (int)"),
        ("timeout: '10'", "found 10 (str)"),
        ("timeout: .inf", "found .inf (float)"),
        ("timeout: .nan", "found .nan (float)"),
        ("timeout: 1:30", "found 1:30 (int)"),
        ("timeout: true", "found true (bool)"),
        ("cloud: public\ncloud: china\n", "c.yaml:2: cloud is given twice"),
        ("- cloud\n", "c.yaml:1: expected a mapping of cloud, region"),
        ("just text\n", "c.yaml:1: expected a mapping of cloud, region"),
        ("cloud: public\n  region: x\n", "c.yaml:2: not YAML: mapping values are not allowed here"),
        ("cloud: 'public\n", "c.yaml:2: not YAML: found unexpected end of stream"),
        ("\tcloud: public\n", "c.yaml:1: not YAML: found character '\\\\t' that cannot start any token"),
        ("cloud: public\n---\ncloud: china\n", "c.yaml:2: not YAML: but found another document"),
        ("cloud: \x00\n", "c.yaml:1: not YAML: "),
        ("cloud: !!python/object/apply:os.system [id]", "c.yaml:1: cloud: expected one of public"),
        ("waive: [dns-tcp]", "c.yaml:1: waive: expected a list of mappings with check, match, reason, until, severity"),
        ("waive:\n- check: dns-tcp\n", "c.yaml:2: waive: reason is missing"),
        (
            "waive:\n- {check: dns-tpc, reason: x}",
            "c.yaml:2: waive: check: expected the id of a check (see azpreflight list)",
        ),
        (
            "waive: [{check: dns-tcp, reason: x, until: 2027-02-30}]",
            "until: expected a date, such as 2027-01-31, found",
        ),
        ("waive: [{check: dns-tcp, reason: x, until: tomorrow}]", "found tomorrow (str)"),
        (
            "waive: [{check: dns-tcp, reason: x, severity: error}]",
            "severity: expected one of note, warning, found error",
        ),
        ("waive: [{check: dns-tcp, raeson: x}]", "waive: no key raeson (did you mean reason?); there are check, match"),
        ("waive: [{check: site-x, reason: x}]", "c.yaml:1: waive: no check site-x is defined"),
        ("ignore: [site-x]\nchecks: [{id: y, file: /a}]", "c.yaml:1: ignore: no check site-x is defined (did you mean"),
        (
            "checks:\n- {id: x, file: /a}\n- {id: x, file: /b}",
            "c.yaml:3: checks: site-x is defined at c.yaml:2 already",
        ),
        ("checks: [{file: /a}]", "c.yaml:1: checks: id is missing"),
        ("checks: [{id: X, file: /a}]", "id: expected an id of lower-case letters, digits and -, found X (str)"),
        (
            "checks: [{id: x}]",
            "checks: expected one of file, unit, package, kernel_parameter, sysctl, name, tcp, url, found",
        ),
        ("checks: [{id: x, file: /a, unit: b}]", "found file and unit"),
        ("checks: [{id: x, unit: b}]", "checks: state is missing"),
        (
            "checks: [{id: x, unit: b, state: on}]",
            "state: expected one of enabled, disabled, masked, absent, found on (bool)",
        ),
        ("checks: [{id: x, unit: b, mode: 1}]", "mode: expected a mode in octal, such as 0640, found 1 (int)"),
        ("checks: [{id: x, unit: b, state: masked, mode: 0640}]", "mode does not go with unit; there are state"),
        ("checks: [{id: x, file: /a, present: false, mode: 0640}]", "mode is expected of what must not be there"),
        ("checks: [{id: x, file: a}]", "file: expected an absolute path without .., found a (str)"),
        ("checks: [{id: x, file: /a/../b}]", "file: expected an absolute path without .., found"),
        ("checks: [{id: x, sysctl: ../../etc/x, value: 1}]", "sysctl: expected the name of a sysctl"),
        ("checks: [{id: x, tcp: 'a:0'}]", "tcp: expected HOST:PORT, found a:0 (str)"),
        ("checks: [{id: x, tcp: 'a:99999'}]", "tcp: expected HOST:PORT"),
        ("checks: [{id: x, name: a, server: b}]", "server: expected an IP address, found b (str)"),
        (
            "checks: [{id: x, name: a, within: [10.0.0.1/8]}]",
            "within: expected a list of networks, such as [10.1.0.0/16], found 10.0.0.1",
        ),
        ("checks: [{id: x, name: a, timeout: 60}]", "timeout: expected seconds from 0.1 to 4, found 60 (int)"),
        ('checks: [{id: x, file: /a, message: "a\\nb"}]', "message: expected a text of one line, of at most 300"),
        ("checks: [" + "{id: x, file: /a}, " * 201 + "]", "c.yaml:1: checks: more than 200 entries"),
        (
            "checks:" + "".join(f"\n- {{id: x{number}, name: a}}" for number in range(51)),
            "c.yaml:52: checks: more than 50 checks of the network",
        ),
        ("region: &a west\n", "c.yaml:1: anchors and aliases are not allowed"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "c.yaml:1: anchors and aliases are not allowed"),
        ("cloud: *missing\n", "c.yaml:1: anchors and aliases are not allowed"),
        ("endpoints: [[[[[[]]]]]]", "c.yaml:1: nested too deeply"),
        ("[" * 60_000, "c.yaml:1: nested too deeply"),
        ("? {a: b}\n: c\n", "c.yaml:1: no key "),
        ("c\x1b[31m: 1\n", "c.yaml:1: not YAML"),
        ("cl\u00f6ud: 1\n", "c.yaml:1: no key cl\\\\xf6ud"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, message: str) -> None:
    """File, line, key and what is allowed; nothing is guessed and nothing is run."""
    with pytest.raises(ConfigError) as caught:
        parse(text, "c.yaml", IDS)
    assert message.replace("\\\\", "\\") in str(caught.value)


SCHEMA = Draft202012Validator(keys.schema(IDS))


@pytest.mark.parametrize("text", [FULL, "", "cloud: china\n"])
def test_an_editor_takes_what_the_program_takes(text: str) -> None:
    """Both are made of one table."""
    Draft202012Validator.check_schema(SCHEMA.schema)
    assert [error.message for error in SCHEMA.iter_errors(plain(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "cluod: public",
        "timeout: 0",
        "ignore: [dns-server]",
        "waive: [{check: dns-tcp}]",
        "waive: [{check: dns-tcp, reason: x, severity: error}]",
        "checks: [{id: x}]",
        "checks: [{id: x, unit: b, state: running}]",
        "checks: [{id: x, file: /a, value: 1}]",
        "checks: [{id: x, file: /a, unit: b, state: masked}]",
    ],
)
def test_an_editor_marks_what_the_program_refuses(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, "c.yaml", IDS)
    assert not SCHEMA.is_valid(plain(text))


def plain(text: str) -> object:
    """The text as an editor's parser reads it: dates are texts in JSON Schema."""
    return _dated(yaml.safe_load(text))


def _dated(value: object) -> object:
    if isinstance(value, dict):
        return {key: _dated(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_dated(one) for one in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


@given(st.text(max_size=300))
def test_any_text_is_a_configuration_or_a_mistake(text: str) -> None:
    """Nothing that a file can hold is a crash."""
    try:
        assert isinstance(parse(text, "c.yaml", IDS), Config)
    except ConfigError as error:
        assert str(error).startswith("c.yaml:")


def test_the_file_may_be_absent_unless_it_is_named() -> None:
    """The default file is optional; one that was asked for is not."""
    assert load(FakeHost(), DEFAULT_PATH, required=False, check_ids=IDS) == Config()
    with pytest.raises(ConfigError, match=r"cannot read /c\.yaml: no such file"):
        load(FakeHost(), "/c.yaml", required=True, check_ids=IDS)


@pytest.mark.parametrize("node", [Denied(), Fifo(), None, "x" * (SIZE_LIMIT + 1)])
def test_a_file_that_cannot_be_read_is_no_default(node: object) -> None:
    """A configuration that is there and unreadable must not be taken for none."""
    host = FakeHost(files={DEFAULT_PATH: node})  # type: ignore[dict-item]  # one of the kinds of node
    with pytest.raises(ConfigError, match=f"cannot read {DEFAULT_PATH}: "):
        load(host, DEFAULT_PATH, required=False, check_ids=IDS)


def test_a_fifo_does_not_hold_up_the_start(tmp_path: Path) -> None:
    """A real FIFO in place of the file is refused at once."""
    os.mkfifo(tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match="not a regular file"):
        load(LocalHost(), str(tmp_path / "c.yaml"), required=True, check_ids=IDS)
