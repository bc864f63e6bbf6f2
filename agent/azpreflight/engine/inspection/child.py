"""What the child of an inspection does: make the question, ask all probes, and send what each brings home."""

from __future__ import annotations

import pickle
import sys
import threading
import traceback
from queue import Empty, Queue
from typing import Optional

from azpreflight.engine.gather import OUT_OF_MEMORY, Work, now, run_info, stamp_of
from azpreflight.engine.inspection.messages import Began, Broken, Message, Order, Over, Question, Refused, Tell, Told
from azpreflight.host.child import PIECE_LIMIT, Send
from azpreflight.host.limits import limit_memory
from azpreflight.model import Gathered
from azpreflight.model.errors import UsageError

SIZE = 8 << 20
"""Bytes of what a probe brings home; on machines in use it is a few KiB, and some MiB with 10,000 homes."""
LARGE = {"firewall": PIECE_LIMIT, "firewall_boot": PIECE_LIMIT}
"""Probes that bring more: the rules of a machine, of which 50,000 take 8 MiB a dump."""
BEAT = 0.1
"""Seconds after which a child says that its threads take turns."""


def work(order: Order, send: Send) -> None:
    """Do what is ordered. This thread sends everything, and has nothing else to do."""
    limit_memory()
    pieces: Queue[Optional[bytes]] = Queue()

    def tell(message: Message) -> None:
        pieces.put(packed(message))
        if order.one_by_one:
            pieces.join()  # it has arrived whatever the next probe does

    def ask() -> None:
        try:
            gather(order, tell)
        finally:
            pieces.put(None)

    try:
        threading.Thread(target=ask, name="inspection", daemon=True).start()
    except RuntimeError:  # "can't start new thread"
        gather(order, lambda message: send(packed(message)))
        return
    while True:
        try:
            piece = pieces.get(timeout=BEAT)
        except Empty:
            piece = b""
        if piece is None:
            return
        send(piece)
        if piece:
            pieces.task_done()


def gather(order: Order, tell: Tell) -> None:
    """Make the question and ask its probes; a bug in the making is told, as that in a probe is."""
    try:
        with order.ask(order.spent, tell) as question:
            tell(_began(question))
            _ask(order, question, tell)
    except UsageError as error:
        tell(Refused(str(error)))
    except MemoryError:
        tell(Broken(OUT_OF_MEMORY, None))
    except Exception as error:  # a bug before the first probe: the report comes all the same
        tell(Broken(f"bug in azpreflight: {type(error).__name__}: {error}", traceback.format_exc()))
    tell(Over(tuple(sys.modules)))


def _began(question: Question) -> Began:
    host, run = question.host, question.run
    return Began(
        run=run,
        info=run_info(host, run, now(), 0.0),
        stamp=stamp_of(host, run),
        left=host.remaining(),
        asked=tuple(probe.name for probe in question.probes),
        lacking=question.lacking,
        repeatable=question.repeatable,
    )


def _ask(order: Order, question: Question, tell: Tell) -> None:
    probes = [probe for probe in question.probes if probe.name in order.names]
    bring = Work(question.host, probes, question.run, lambda name, seen: tell(Told(name, seen)), order.known)
    if order.one_by_one:
        bring.one_by_one()
    else:
        bring.at_once()


def packed(message: Message) -> bytes:
    """The message as bytes; a reason instead of what a probe saw, where that is too large."""
    try:
        piece = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        if not isinstance(message, Told):
            raise
        return packed(Told(message.name, Gathered(None, OUT_OF_MEMORY)))
    most = LARGE.get(message.name, SIZE) if isinstance(message, Told) else PIECE_LIMIT
    if len(piece) > most and isinstance(message, Told):
        reason = f"what it saw takes {len(piece) >> 20} MiB, and more than {most >> 20} MiB are not kept"
        return packed(Told(message.name, Gathered(None, reason)))
    return piece
