"""The one style sheet of every page, and the hash by which its policy knows it. No address, no font, no image."""

from __future__ import annotations

import base64
import hashlib

CSS = """
:root { color-scheme: light dark;
  --page: #ffffff; --card: #f6f8fa; --edge: #d0d7de; --text: #1b1f24; --quiet: #57606a; --link: #0550ae;
  --error: #a40e26; --error-soft: #ffebe9; --warning: #7a4a00; --warning-soft: #fff4d6; --pass: #116329;
  --pass-soft: #dafbe1; --unknown: #5a32a3; --unknown-soft: #f3ecff; --note: #0550ae; --note-soft: #e7f2ff;
  --code: #eef1f4; --mark: #ffe08a; --mark-text: #1b1f24; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0f1318; --card: #171c23; --edge: #333c47; --text: #e6eaf0; --quiet: #a3aebb; --link: #7db6ff;
  --error: #ff9d94; --error-soft: #3c1a1c; --warning: #f2c063; --warning-soft: #36290b; --pass: #7ddb96;
  --pass-soft: #12301c; --unknown: #c9b0ff; --unknown-soft: #2a2142; --note: #8ec2ff; --note-soft: #13273f;
  --code: #1f262f; --mark: #6b4f00; --mark-text: #fff3cf; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0 auto; max-width: 66rem; padding: 0 1.25rem 3rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere; }
a { color: var(--link); text-underline-offset: .15em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
header { padding: 2rem 0 .5rem; }
.tool { margin: 0; color: var(--quiet); font-size: .875rem; }
h1 { margin: .5rem 0 .25rem; font-size: 1.75rem; line-height: 1.25; font-weight: 650; text-wrap: balance; }
h1 .badge { font-size: .6em; vertical-align: .2em; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.25rem; font-weight: 650; }
h3 { margin: 0 0 .35rem; font-size: 1.0625rem; font-weight: 650; }
section > div > h3 { margin-top: 1.25rem; }
p { margin: .35rem 0; }
.lead { color: var(--text); }
.quiet, .more, footer { color: var(--quiet); font-size: .875rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0 .5rem; padding: 0; list-style: none; }
.tiles li { flex: 1 1 7rem; padding: .5rem .75rem; border: 1px solid var(--edge); border-radius: .5rem;
  background: var(--card); }
.tiles b { display: block; font-size: 1.375rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--quiet); font-size: .8125rem; }
.tiles .fail b, .tiles .error b { color: var(--error); } .tiles .pass b { color: var(--pass); }
.tiles .warning b { color: var(--warning); } .tiles .unknown b { color: var(--unknown); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .75rem 0 0; padding: 0; list-style: none;
  font-size: .9375rem; }
.about { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .25rem 1.5rem;
  margin: .75rem 0 0; font-size: .875rem; }
.about dt { color: var(--quiet); } .about dd { margin: 0; }
.badge { display: inline-block; padding: .1em .6em; border-radius: 1em; font-size: .75rem; font-weight: 650;
  line-height: 1.5; white-space: nowrap; background: var(--code); color: var(--text); }
.badge.error, .badge.fail, .badge.not-ready { background: var(--error-soft); color: var(--error); }
.badge.warning, .badge.undecided { background: var(--warning-soft); color: var(--warning); }
.badge.pass, .badge.ready { background: var(--pass-soft); color: var(--pass); }
.badge.unknown { background: var(--unknown-soft); color: var(--unknown); }
.badge.note { background: var(--note-soft); color: var(--note); }
.card { margin: .75rem 0; padding: 1rem 1.125rem; border: 1px solid var(--edge); border-left: .3rem solid var(--edge);
  border-radius: .5rem; background: var(--card); }
.card.error { border-left-color: var(--error); } .card.warning { border-left-color: var(--warning); }
.card.note { border-left-color: var(--note); }
.group + .group, .finding + .finding { margin-top: .75rem; }
.group + .group { padding-top: .75rem; border-top: 1px solid var(--edge); }
.message { font-weight: 550; }
.fix { margin-top: .5rem; }
.fix.quoted { padding-left: .75rem; border-left: 2px solid var(--edge); font-style: italic; }
dl { margin: .35rem 0; }
.finding dl { display: grid; gap: .15rem; font-size: .875rem; }
.finding dl div { display: grid; grid-template-columns: minmax(5rem, 9rem) 1fr; gap: .75rem; }
.finding dt { color: var(--quiet); } .finding dd { margin: 0; font-family: ui-monospace, "DejaVu Sans Mono", monospace;
  font-size: .8125rem; }
pre { margin: .5rem 0; padding: .625rem .75rem; border: 1px solid var(--edge); border-radius: .375rem;
  background: var(--code); overflow-x: auto; max-height: 28rem;
  font: .8125rem/1.55 ui-monospace, SFMono-Regular, Consolas, "DejaVu Sans Mono", monospace; }
pre.commands { white-space: pre-wrap; }
code { font-family: ui-monospace, SFMono-Regular, Consolas, "DejaVu Sans Mono", monospace; font-size: .875em; }
pre code { font-size: inherit; }
.card pre.printed { white-space: pre-wrap; }
.command { -webkit-user-select: all; user-select: all; cursor: copy; }
.command::before { content: "$ "; color: var(--quiet); }
mark { background: var(--mark); color: var(--mark-text); border-radius: 2px; padding: .05em .15em; font-weight: 650; }
ul.log { margin: .25rem 0; padding-left: 1.1rem; font-family: ui-monospace, "DejaVu Sans Mono", monospace;
  font-size: .8125rem; }
.plain-list, .unknown-list { margin: 0; padding: 0; list-style: none; }
.plain-list li, .unknown-list li { padding: .6rem 0; border-top: 1px solid var(--edge); }
details { margin: .35rem 0; }
summary { cursor: pointer; padding: .3rem .25rem; border-radius: .25rem; }
summary:hover { background: var(--code); }
.id { font-family: ui-monospace, SFMono-Regular, Consolas, "DejaVu Sans Mono", monospace; font-size: .875rem;
  font-weight: 600; }
.check { margin: 0; border-top: 1px solid var(--edge); }
.check > :not(summary) { margin-left: 1.25rem; }
.check[open] { padding-bottom: .75rem; } .check .title { color: var(--quiet); font-size: .875rem; }
.check:target { background: var(--note-soft); }
.filter { display: flex; flex-wrap: wrap; gap: .35rem; margin: 0 0 .75rem; padding: 0; border: 0; }
.filter legend { float: left; padding: .3rem .5rem .3rem 0; color: var(--quiet); font-size: .875rem; }
.filter input { position: absolute; opacity: 0; width: 1px; height: 1px; }
.filter label { padding: .3rem .8rem; border: 1px solid var(--edge); border-radius: 2rem; font-size: .875rem;
  cursor: pointer; background: var(--card); }
.filter input:checked + label { border-color: var(--link); background: var(--link); color: var(--page); }
.filter input:focus-visible + label { outline: 3px solid var(--link); outline-offset: 2px; }
section:has(#show-fail:checked) .check:not(.fail), section:has(#show-unknown:checked) .check:not(.unknown),
section:has(#show-pass:checked) .check:not(.pass), section:has(#show-na:checked) .check:not(.na) { display: none; }
.check:target { display: block !important; }
figure { margin: .75rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { padding: .4rem .75rem .4rem 0; border-top: 1px solid var(--edge); text-align: left; vertical-align: top;
  overflow-wrap: anywhere; min-width: 5rem; }
thead th { border-top: 0; color: var(--quiet); font-weight: 600; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--text); font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans",
  sans-serif; }
svg .name { font-weight: 600; font-size: 12.5px; } svg .small { fill: var(--quiet); font-size: 11px; }
svg .head { font-weight: 600; fill: var(--quiet); } svg .middle { text-anchor: middle; } svg .end { text-anchor: end; }
svg .late { fill: var(--error); } svg .on-bar { font-size: 11px; font-weight: 600; }
.node { fill: var(--card); stroke: var(--edge); } .node.open { stroke: var(--pass); }
.node.shut { fill: var(--error-soft); stroke: var(--error); } .node.unknown { stroke-dasharray: 4 3; }
.wall { fill: var(--edge); } .wall.ends { fill: var(--error-soft); stroke: var(--error); }
.wire { stroke: var(--edge); stroke-width: 2.5; } .wire.open { stroke: var(--pass); }
.wire.shut { stroke: var(--error); } .wire.unknown, .wire.gone { stroke: var(--quiet); stroke-width: 1.5;
  stroke-dasharray: 2 5; }
.router { fill: var(--page); stroke: var(--quiet); stroke-width: 2; }
.router.foreign { fill: var(--error-soft); stroke: var(--error); } .router.silent { stroke-dasharray: 2 2; }
.mark.open { fill: var(--pass); } .mark.shut { fill: var(--error); } .mark.unknown { fill: var(--unknown); }
path.sign { fill: none; stroke: var(--page); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
svg text.sign { fill: var(--page); font-weight: 700; }
.grid { stroke: var(--edge); stroke-width: 1; } .limit { stroke: var(--error); stroke-width: 2.5; }
.bar { fill: var(--link); fill-opacity: .75; } .bar.waits { fill: var(--warning-soft); stroke: var(--warning);
  stroke-dasharray: 4 3; fill-opacity: 1; }
.bar.late { fill: var(--error-soft); stroke: var(--error); fill-opacity: 1; }
.bar.error { fill: var(--error); fill-opacity: 1; } .bar.warning { fill: var(--warning); fill-opacity: 1; }
.bar.note { fill: var(--note); fill-opacity: 1; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0; padding: 0; list-style: none;
  font-size: .875rem; }
.matrix { display: flex; flex-wrap: wrap; gap: 2px; margin: .75rem 0; }
.matrix i, .legend i { flex: none; width: 13px; height: 13px; border-radius: 2px; font: 700 10px/13px sans-serif;
  text-align: center; color: var(--page); background: var(--pass); }
.legend i { display: inline-block; margin-right: .4rem; vertical-align: -1px; }
i.not-ready { background: var(--error); } i.undecided { background: var(--unknown); }
i.warned { background: var(--warning); } i.none { background: var(--quiet); } i.disputed { background: var(--note); }
i.not-ready::before { content: "x"; } i.undecided::before { content: "?"; }
i.warned::before { content: "~"; } i.none::before { content: "-"; }
i.disputed::before { content: "!"; }
.bars { margin: 0; padding: 0; list-style: none; } .bars li { margin: .6rem 0; }
.bars svg { height: .75rem; border-radius: .375rem; background: var(--code); }
.bars .number { float: right; font-variant-numeric: tabular-nums; color: var(--quiet); font-size: .875rem; }
.narrow { display: none; }
@media (max-width: 44rem) {
  body { padding: 0 .875rem 2rem; } h1 { font-size: 1.375rem; } header { padding-top: 1rem; }
  .wide { display: none; } .narrow { display: block; } .card { padding: .75rem .875rem; }
  .finding dl div { grid-template-columns: 1fr; gap: 0; } }
@media print {
  :root { --page: #fff; --card: #fff; --code: #f4f4f4; --edge: #bbb; --text: #000; --quiet: #444; --link: #000;
    --error: #a40e26; --error-soft: #fff; --warning: #7a4a00; --warning-soft: #fff; --pass: #116329;
    --pass-soft: #fff; --unknown: #5a32a3; --unknown-soft: #fff; --note: #0550ae; --note-soft: #fff; }
  body { max-width: none; padding: 0; font-size: 10pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav, .filter, #facts { display: none; } pre { max-height: none; white-space: pre-wrap; }
  .badge { border: 1px solid; } .more a::after { content: " (" attr(href) ")"; }
  .card, svg, pre { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .wide { display: block; } .narrow { display: none; } }
"""
HASH = "sha256-" + base64.b64encode(hashlib.sha256(CSS.encode("ascii")).digest()).decode("ascii")
