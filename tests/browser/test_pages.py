"""Pages in Chromium: nothing is loaded or refused, axe finds nothing, a phone need not scroll, text stays text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from azpreflight.console.decode import decode
from azpreflight.engine.timeline import timeline
from azpreflight.explain import explain
from azpreflight.render import serial
from azpreflight.render.decoded import Log
from azpreflight.render.html import decoded, explained, fleet, report
from tests.support import boot_logs
from tests.support.examples import whole_report
from tests.support.fleets import some
from tests.support.hostile_reports import CONTROL, LONG, MARKUP, everywhere, hostile
from tests.support.needs import hold_back
from tests.support.reports import BROKEN, READY, UNDECIDED

pytestmark = pytest.mark.xdist_group("browser")

PROGRAMS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
WATCHED = timeline({"address": 8.2, "default-route": 8.2, "imds": 11.9, "wire-server": 301.0}, 1350.0)
REPORTS = ("path-tunnel", "firewall-wireserver", "gen-users", "boot-root")
NAMES = (*REPORTS, "ready", "undecided", "first-boot", "everything", "decoded", "log", "logs", "fleet")
SCHEMES = ("light", "dark")
WIDTHS = (360, 768, 1280)


@cache
def markup(name: str) -> str:
    """A page by its name."""
    if name in REPORTS:
        return report.render(whole_report(name))
    if name == "decoded":
        log = Log("a.log", decode(serial.render(BROKEN, None).encode("ascii")))
        return decoded.render((log, Log("b.log", decode(b"nothing"))))
    if name in ("log", "logs"):
        names = ("recorded-scen-a2-waagent.log.gz",) if name == "log" else tuple(sorted(boot_logs.TRUTHS))
        return explained.render(tuple(explain(one, (boot_logs.content(one),)) for one in names))
    made = {
        "ready": READY,
        "undecided": UNDECIDED,
        "first-boot": replace(BROKEN, timeline=WATCHED),
        "everything": replace(hostile("some words"), timeline=WATCHED),
    }
    return fleet.render(some(2000)) if name == "fleet" else report.render(made[name])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's own Chromium; none is fetched."""
    program = next((path for path in PROGRAMS if os.access(path, os.X_OK)), None)
    if program is None:
        hold_back("there is no program chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@contextmanager
def shown(browser: Browser, place: Path, content: str, scheme: str = "light", width: int = 1280) -> Iterator[Page]:
    """The page as a file that somebody has opened; AssertionError where it complained or asked for anything."""
    file = place / "page.html"
    file.write_text(content)
    said: list[str] = []
    asked: list[str] = []
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce",
                                  viewport={"width": width, "height": 800})  # fmt: skip
    page = context.new_page()

    def console(message: ConsoleMessage) -> None:
        said.append(message.text)

    def request(one: Request) -> None:
        asked.append(one.url)

    page.on("console", console)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", request)
    try:
        page.goto(file.as_uri())
        yield page
        page.wait_for_timeout(50)
        assert said == [] and asked == [file.as_uri()]
    finally:
        context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing(browser: Browser, tmp_path: Path, name: str, scheme: str) -> None:
    """With everything unfolded and every check shown; of a fleet as it opens, because it has thousands of rows."""
    with shown(browser, tmp_path, markup(name), scheme) as page:
        if name != "fleet":
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            page.evaluate("document.querySelectorAll('#show-all').forEach(one => one.checked = true)")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_has_to_be_scrolled_sideways(browser: Browser, tmp_path: Path, name: str, width: int) -> None:
    with shown(browser, tmp_path, markup(name), width=width) as page:
        if name != "fleet":
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("text", [*MARKUP, *CONTROL, *LONG])
def test_hostile_text_stays_text(browser: Browser, tmp_path: Path, text: str) -> None:
    """No element, no program, no request comes of it, and it makes the page no wider."""
    pages = (report.render(replace(hostile(text), timeline=WATCHED)), fleet.render(everywhere(some(9), text)))
    for content in pages:
        with shown(browser, tmp_path, content, width=360) as page:
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            assert page.locator("script, img, iframe, b[onerror], [onload], [onerror]").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_checks_are_filtered_without_a_script(browser: Browser, tmp_path: Path) -> None:
    """By mouse and by keyboard; a link to a check shows it whatever is chosen."""
    with shown(browser, tmp_path, markup("everything").replace("some words", "some-words")) as page:
        assert page.locator(".check.na:visible").count() == 0
    with shown(browser, tmp_path, report.render(BROKEN)) as page:
        rows = page.locator(".check:visible")
        assert rows.count() == 6
        page.get_by_text("not applicable (1)").click()
        assert rows.count() == 1
        page.keyboard.press("ArrowRight")
        assert rows.count() == len(BROKEN.results)
        page.get_by_text("passed (2)").click()
        page.locator("#unknown a").first.click()
        assert page.locator("#check-gen-users").is_visible()


def test_a_click_selects_a_whole_command(browser: Browser, tmp_path: Path) -> None:
    """Without the prompt before it."""
    with shown(browser, tmp_path, report.render(BROKEN)) as page:
        page.locator("#causes .command").first.click(click_count=1)
        page.locator("#causes .command").first.evaluate("one => getSelection().selectAllChildren(one)")
        assert page.evaluate("getSelection().toString()") == BROKEN.causes[0].commands[0]
        assert page.locator("#causes .command").first.evaluate("one => getComputedStyle(one).userSelect") == "all"


def test_the_drawing_for_a_phone_takes_the_place_of_the_wide_one(browser: Browser, tmp_path: Path) -> None:
    for width, kind, other in ((360, "narrow", "wide"), (1280, "wide", "narrow")):
        with shown(browser, tmp_path, markup("everything"), width=width) as page:
            assert (
                page.locator(f"svg.{kind}").first.is_visible() and not page.locator(f"svg.{other}").first.is_visible()
            )


def test_it_prints(browser: Browser, tmp_path: Path) -> None:
    """With the cause, and without what only works on a screen."""
    with shown(browser, tmp_path, markup("everything")) as page:
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible() and page.locator("#causes").is_visible()
        assert page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize(
    "evil", ["<img src=x onerror=alert(1)>", "<p style='color:red'>x", "<script>alert(1)</script>", "<iframe src=x>"]
)
def test_the_policy_refuses_what_would_get_in(browser: Browser, tmp_path: Path, evil: str) -> None:
    """The second wall, and the proof that a complaint of the browser fails a test."""
    with pytest.raises(AssertionError), shown(browser, tmp_path, markup("ready").replace("<main", f"{evil}<main")):
        pass
