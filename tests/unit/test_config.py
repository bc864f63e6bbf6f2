"""The configuration file: what is allowed, and what each mistake is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpreflight.config import DEFAULT_PATH, SIZE_LIMIT, ConfigError, load, parse
from azpreflight.host import LocalHost
from azpreflight.model import Config, Severity
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
        ("timeout: 0", "c.yaml:1: timeout: expected seconds from 1 to 3600, found 0 (int)"),
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
