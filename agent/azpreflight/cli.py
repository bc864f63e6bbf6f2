"""The command line: what is asked, what is printed, and the exit code."""

import argparse
import sys
from collections.abc import Sequence
from typing import Optional

from azpreflight.assess import assess, exit_code
from azpreflight.gather import gather, run_of
from azpreflight.host import LocalHost
from azpreflight.model import Platform, Profile, Severity, Stage
from azpreflight.probes import PROBES
from azpreflight.render import json as render_json


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="azpreflight")
    parser.add_argument("command", choices=["check"])
    parser.add_argument("--stage", type=Stage, default=Stage.CAPTURE)
    parser.add_argument("--profile", type=Profile, default=Profile.GENERALIZED)
    parser.add_argument("--platform", default="auto")
    parser.add_argument("--root", default="/")
    parser.add_argument("--format", default="json")
    parser.add_argument("--fail-on", type=Severity, default=Severity.ERROR)
    options = parser.parse_args(arguments)
    host = LocalHost(options.root)
    platform = None if options.platform == "auto" else Platform(options.platform)
    run = run_of(host, stage=options.stage, profile=options.profile, platform=platform)
    report = assess(gather(host, PROBES, run), PROBES)
    sys.stdout.write(render_json.render(report))
    return exit_code(report, options.fail_on)
