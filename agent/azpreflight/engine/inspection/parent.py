"""What the parent of an inspection does: take what arrives, find who takes the others along, keep the deadline."""

from __future__ import annotations

import importlib
import pickle
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Optional

from azpreflight import __version__
from azpreflight.engine.gather import GRACE, NO_THREAD, OUT_OF_MEMORY, Progress, in_order, now, unseen_info
from azpreflight.engine.inspection import child as inner
from azpreflight.engine.inspection.alarm import Late, alarm
from azpreflight.engine.inspection.messages import Ask, Began, Broken, Message, Order, Over, Refused, Takes, Told
from azpreflight.engine.inspection.stall import Stall
from azpreflight.host.child import NOT_STARTED, Child
from azpreflight.model import Gathered, Probe, Run, Snapshot, Tool
from azpreflight.model.errors import UsageError

PERIOD = 0.2
"""Seconds between two looks at a child that is silent."""
ROUNDS = 4
"""Children of one inspection at most."""
HELD_UP = "it held up all others without an end, and was ended"
SCARCE = (OUT_OF_MEMORY, NO_THREAD)
"""Reasons that may be another probe's doing."""


def inspect(
    ask: Ask,
    probes: Sequence[Probe[Any]],
    budget: float,
    unseen: Run,
    progress: Optional[Progress] = None,
    load: bool = False,
) -> Snapshot:
    """The facts of all probes within the budget, in seconds, which the question may change. UsageError as `ask` has it.

    `unseen` is the run as far as it is known without a look at anything. `load`: import here what the child has needed,
    for a process whose own files may soon be gone. To be called by the main thread.
    """
    inspection = _Inspection(ask, tuple(probes), budget, progress)
    inspection.run()
    for name in inspection.modules if load else ():
        with suppress(ImportError):
            importlib.import_module(name)
    return inspection.snapshot(unseen)


class _Inspection:
    """What has arrived, and what is still to be asked for."""

    def __init__(self, ask: Ask, probes: tuple[Probe[Any], ...], budget: float, progress: Optional[Progress]) -> None:
        self.modules: tuple[str, ...] = ()
        self._ask, self._probes, self._budget, self._progress = ask, probes, budget, progress
        self._started, self._since = now(), time.monotonic()
        self._deadline = self._since + budget
        self._began: Optional[Began] = None
        self._arrived: dict[str, Gathered] = {}
        self._lost: dict[str, Gathered] = {}
        """Why a probe is not asked again."""
        self._again: set[str] = set()
        """What has arrived and may be better when it is asked alone."""
        self._over = False

    def _left(self) -> float:
        return self._deadline - GRACE - time.monotonic()

    def run(self) -> None:
        """Ask until everything is there, or the time is up."""
        one_by_one = False
        for _ in range(ROUNDS):
            rest = self._rest()
            repeatable = self._began is None or self._began.repeatable
            if not rest or not repeatable or self._left() <= 0:
                return
            names = frozenset(probe.name for probe in rest)
            known = {name: gathered for name, gathered in self._arrived.items() if name not in names}
            self._again, self._over = set(), False
            one_by_one = self._round(Order(self._ask, names, known, time.monotonic() - self._since, one_by_one))

    def _rest(self) -> list[Probe[Any]]:
        open_ = [probe.name for probe in self._probes if probe.name not in self._arrived]
        return [probe for probe in self._probes if probe.name in {*open_, *self._again} - self._lost.keys()]

    def _round(self, order: Order) -> bool:
        """One child; True where the next is to ask one probe after another."""
        try:
            child = Child(partial(inner.work, order))
        except OSError:
            self._here(order)
            return True
        culprit: Optional[str] = None
        code: Optional[int] = None
        try:
            culprit = self._listen(child)
        finally:
            code = child.end()
        if culprit is not None:
            for name in [culprit] if culprit in order.names else order.names - self._arrived.keys():
                self._lose(name, Gathered(None, HELD_UP))
            return order.one_by_one
        if code == NOT_STARTED and not self._over:
            self._here(order)
        elif self._left() > 0:
            self._account(order, code)
        return True

    def _listen(self, child: Child) -> Optional[str]:
        """Until it is over, or the time is up; the name of the thread that holds up all others, if one does."""
        stall = Stall(child.processor_s, self._budget)
        while not self._over and self._left() > 0:
            try:
                pieces = child.receive(min(self._left(), PERIOD))
            except (EOFError, ValueError):
                return None
            for piece in filter(None, pieces):
                self._take(pickle.loads(piece))  # noqa: S301 - our own child's
            culprit = stall.culprit(bool(pieces))
            if culprit is not None:
                return culprit
        return None

    def _account(self, order: Order, code: Optional[int]) -> None:
        """Note what a child has not brought although it had the time."""
        if self._over and not order.one_by_one:
            self._again = {name for name in order.names if self._hurt(name)}
            for probe in in_order(self._probes):
                if self._again.intersection(probe.needs):
                    self._again.add(probe.name)
        elif not self._over and order.one_by_one:
            how = f"signal {code - 128}" if code is not None and code > 128 else f"exit code {code}"
            for probe in in_order(self._rest())[:1]:
                self._lose(probe.name, Gathered(None, f"the process that asked it ended with {how}"))

    def _hurt(self, name: str) -> bool:
        return name in self._arrived and self._arrived[name].reason in SCARCE

    def _lose(self, name: str, why: Gathered) -> None:
        self._lost[name] = why

    def _take(self, message: Message) -> None:
        if isinstance(message, Takes):
            self._deadline = time.monotonic() + message.seconds
        elif isinstance(message, Began):
            self._begin(message)
        elif isinstance(message, Told):
            self._arrived[message.name] = message.gathered
            if self._progress is not None:
                self._progress(message.name, message.gathered)
        elif isinstance(message, Refused):
            raise UsageError(message.reason)
        elif isinstance(message, Broken):
            for probe in self._rest():
                self._lose(probe.name, Gathered(None, message.reason, message.traceback))
        elif isinstance(message, Over):
            self._over, self.modules = True, message.modules

    def _begin(self, began: Began) -> None:
        self._began, self._deadline = began, time.monotonic() + began.left
        if began.lacking is not None:
            lacking = [probe.name for probe in self._probes if probe.name not in began.asked]
            self._arrived.update(dict.fromkeys(lacking, Gathered(None, began.lacking)))

    def _here(self, order: Order) -> None:
        """Where no process is to be had: in this one, one probe after another, until an alarm."""
        with suppress(Late), alarm(self._left()) as clock:

            def take(message: Message) -> None:
                self._take(message)
                clock.set(self._left())

            inner.gather(order._replace(one_by_one=True), take)

    def snapshot(self, unseen: Run) -> Snapshot:
        """Everything, with the reason for each probe that brought nothing."""
        took = time.monotonic() - self._since
        late = Gathered(None, f"not done within the {took:.1f} s that this run had")
        known = {**self._arrived, **self._lost}
        began = self._began
        run, info = (began.run, began.info) if began is not None else (unseen, unseen_info(unseen))
        return Snapshot(
            Tool("azpreflight", __version__),
            replace(info, started_at=self._started, duration_s=round(took, 4)),
            run.config,
            run.extensions,
            {probe.name: known.get(probe.name, late) for probe in self._probes},
            began.stamp if began is not None else None,
        )
