"""Whole pages: what is on them, in which order, and that nothing on them runs, loads or is missing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest

from azpreflight.console.decode import decode
from azpreflight.engine.baseline import sentences
from azpreflight.engine.timeline import timeline
from azpreflight.explain import explain
from azpreflight.model import Report, SinceCapture, Status, codec
from azpreflight.render import serial
from azpreflight.render.decoded import Log
from azpreflight.render.html import boot, decoded, explained, fleet, report, rules
from azpreflight.render.html.element import EMPTY
from tests.support.boot_logs import TRUTHS, content
from tests.support.examples import whole_report
from tests.support.fleets import some
from tests.support.hostile_reports import EVERY, everywhere, hostile
from tests.support.reports import BROKEN, READY, RULE, UNDECIDED, result

WATCHED = timeline({"address": 8.2, "imds": 11.9, "wire-server": 301.0}, 1350.0)
VOID = {*EMPTY}


class Page(HTMLParser):
    """A page as its reader meets it; AssertionError where elements are not nested as they should be."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.text = ""
        self.policy = ""
        self.style = ""
        self.feed(markup)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.names |= set(found)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found else []
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        self.text += data


@cache
def pages() -> dict[str, str]:
    made = {name: whole_report(name) for name in ("path-tunnel", "firewall-wireserver", "gen-users", "boot-root")}
    made |= {"broken": replace(BROKEN, timeline=WATCHED), "ready": READY, "undecided": UNDECIDED}
    return {name: report.render(one) for name, one in made.items()} | {
        "fleet": fleet.render(some(50)),
        "log": explained.render((explain("boot.log", (content("emergency-serial.log"),)),)),
        "logs": explained.render(tuple(explain(name, (content(name),)) for name in sorted(TRUTHS))),
    }


@pytest.mark.parametrize("name", pages())
def test_a_page_is_complete_and_loads_nothing(name: str) -> None:
    """Nested as it should be; no id twice; links lead to what is there; the policy knows the one style sheet."""
    markup = pages()[name]
    page = Page(markup)
    assert markup.isascii() and len(page.ids) == len(set(page.ids))
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert set(inside) <= set(page.ids)
    assert all(link.startswith("https://") for link in page.links if not link.startswith("#"))
    assert not {"script", "img", "iframe", "object", "embed", "base", "form", "link"} & set(page.tags)
    assert not [one for one in page.names if one.startswith("on") or one in ("style", "src")]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert page.policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert not re.search(r"url\(|@import|https?:", page.style)


def test_the_verdict_comes_first_and_everything_is_there() -> None:
    markup = report.render(BROKEN)
    body = Page(markup).text
    heads = re.findall("<h[12][^>]*>(.*?)</h[12]>", markup)
    assert heads[0].startswith('<span class="badge not-ready">NOT READY</span> This VM fails')
    assert heads[1:] == ["Causes", "Other findings", "Could not be determined", "Extensions", "All checks"]
    for said in (RULE.fix, *RULE.commands, "the kernel dropped it in a rehearsal", "gen-odd", "CustomScript"):
        assert said in body
    assert {f"check-{one.check}" for one in BROKEN.results} <= set(Page(report.render(BROKEN)).ids)


def test_a_saved_report_makes_the_same_page() -> None:
    """Its facts are JSON then, and no dataclasses."""
    for name in ("path-tunnel", "firewall-wireserver"):
        one = whole_report(name)
        assert report.render(codec.decode(Report, json.loads(json.dumps(codec.encode(one))))) == report.render(one)


def test_what_a_failed_check_says_is_not_its_title() -> None:
    """The title is true of a pass alone."""
    text = Page(report.render(replace(READY, results=(result("a-b", Status.FAIL, RULE),)))).text
    assert RULE.message in text and "a-b is well" not in text


@pytest.mark.parametrize("text", EVERY)
def test_hostile_text_makes_no_element(text: str) -> None:
    """The same report with other texts has no tag and no attribute more."""
    plain, evil = Page(report.render(hostile("a-b"))), Page(report.render(hostile(text)))
    assert set(evil.tags) <= set(plain.tags) | {"p"} and evil.names <= plain.names
    assert [link for link in evil.links if not link.startswith(("#", "https://r-seed"))] == []


@pytest.mark.parametrize("text", EVERY)
def test_hostile_logs_make_no_element(text: str) -> None:
    logs = tuple(
        Log(text, decode(serial.render(one, None).encode("ascii")), unread=text) for one in (hostile("x"), BROKEN)
    )
    assert "script" not in Page(decoded.render(logs)).tags
    evil = Page(fleet.render(everywhere(some(9), text)))
    assert set(evil.tags) <= set(Page(fleet.render(some(50))).tags)


def test_a_log_alone_is_a_whole_page_and_several_are_short() -> None:
    log = Log("vm.log", decode(serial.render(BROKEN, None).encode("ascii")))
    alone, both = Page(decoded.render((log,))), Page(decoded.render((log, replace(log, name="b.log"))))
    assert "check-firewall-wireserver" in alone.ids and "vm.log: report" in alone.text
    assert f'the report in vm.log says: "{RULE.fix}' in alone.text and "Fix: " not in alone.text
    assert both.ids.count("log-1") == both.ids.count("log-2") == 1 and "checks" not in both.ids
    cut = Page(decoded.render((replace(log, unread="what follows the first 9 MB"),)))
    assert "not inspected: what follows the first 9 MB" in cut.text and "check-firewall-wireserver" in cut.ids
    assert "no report in this log" in Page(decoded.render((Log("c", decode(b"")),))).text


def test_what_passed_when_the_image_was_sealed_is_told() -> None:
    since = SinceCapture("1.0.0", ("dns-servers",), ())
    text = Page(report.render(replace(BROKEN, since_capture=since))).text
    assert "Since the image was sealed" in text and all(one in text for one in sentences(since))


def test_thousands_of_findings_make_no_page_of_megabytes() -> None:
    """What is left out is counted; the JSON has it."""
    many = tuple(replace(RULE, message=f"rule {number} drops it", fix=f"delete {number}") for number in range(5000))
    markup = report.render(replace(BROKEN, results=(result("a-b", Status.FAIL, *many, cause=BROKEN.causes[0].cause),)))
    assert "and 4800 more findings of this cause" in markup and "and 4950 more findings, see" in markup
    assert "rule 199 drops it" in markup and "rule 201 drops it" not in markup and len(markup) < 500_000


# --- the boot and the rules ---------------------------------------------------------------------------------------


def test_the_boot_shows_what_is_late() -> None:
    markup = boot.boot(WATCHED).markup
    assert "301.0 s (+289.1)" in markup and "not yet, 1049 s (limit 1200 s)" in markup
    assert markup.count('class="bar waits late"') == 2, "provisioned alone, in both drawings"
    assert boot.boot(()).markup == ""


def test_a_boot_of_no_time_at_all_is_drawn() -> None:
    for seconds in (0.0, 0.004, 1e6):
        assert "0 s" in boot.boot(timeline({"address": seconds}, seconds)).markup


LEGACY = "*filter\n:INPUT ACCEPT [1:2]\n:OUTPUT DROP [3:4]\n[5:6] -A OUTPUT -d 1.2.3.4/32 -j DROP\nCOMMIT\n"
NFT = "table ip f {\n\tchain out {\n\t\ttype filter hook output priority 0; policy drop;\n\t\tdrop # handle 4\n\t}\n}\n"


def dumped(text: str, rule: dict[str, object]) -> str:
    decider = {"backend": "x", "family": "ip", "number": None, "packets": 7, **rule}
    flow = {"protocol": "tcp", "address": "1.2.3.4", "port": 80, "uid": 0}
    facts = {
        "chains": [{}],
        "dumps": [{"name": "n", "command": "c", "text": text, "error": None}],
        "flows": [{"flow": flow, "outcome": "blocked", "decider": decider}],
    }
    return rules.rules({"firewall": facts}).markup


@pytest.mark.parametrize(
    ("text", "rule", "marked"),
    [
        (LEGACY, {"table": "filter", "chain": "OUTPUT", "number": 1, "text": "-A OUTPUT -d 1.2.3.4/32 -j DROP"},
         "[5:6] -A OUTPUT -d 1.2.3.4/32 -j DROP"),
        (LEGACY, {"table": "filter", "chain": "OUTPUT", "text": "policy DROP"}, ":OUTPUT DROP [3:4]"),
        (NFT, {"table": "f", "chain": "out", "text": "policy DROP"},
         "        type filter hook output priority 0; policy drop;"),
        (NFT, {"table": "f", "chain": "out", "number": 1, "text": "drop # handle 4"}, "        drop # handle 4"),
        (LEGACY, {"table": "nat", "chain": "OUTPUT", "number": 1, "text": "-A OUTPUT -d 1.2.3.4/32 -j DROP"}, None),
    ],
)  # fmt: skip
def test_the_rule_that_decides_is_marked(text: str, rule: dict[str, object], marked: str | None) -> None:
    found = re.findall("<mark>(.*?)</mark>", dumped(text, rule))
    assert found == [rule["text"], *([marked] if marked else [])]


def test_a_large_dump_is_cut_around_what_decides() -> None:
    lines = [f"-A OUTPUT -s 10.0.{number // 256}.{number % 256}/32 -j ACCEPT" for number in range(3000)]
    markup = dumped(
        "*filter\n" + "\n".join(lines), {"table": "filter", "chain": "OUTPUT", "number": 2001, "text": lines[2000]}
    )
    assert f"<mark>{lines[2000]}</mark>" in markup and lines[1999] in markup and lines[1500] not in markup
    assert "and 2594 more lines" in markup


def test_an_explained_log_shows_its_lines_and_what_is_not_in_it() -> None:
    """Hostile words of the log are text."""
    page = Page(pages()["log"])
    assert "Timed out waiting for device" in page.text
    assert "not in this log, which does not mean that it did not happen: agent" in page.text
    assert "svg" in page.tags
    line = b"Waiting for cloud-init to copy ovf-env.xml to <script>alert(1)</script>\n"
    assert "script" not in Page(explained.render((explain("<script>", (line,)),))).tags
