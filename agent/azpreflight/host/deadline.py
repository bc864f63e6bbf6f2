"""A deadline for calls that have none of their own: opening a file on a hung mount, resolving through glibc."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Callable, Optional, TypeVar

from azpreflight.host.api import HostError

T = TypeVar("T")


class Guard:
    """Runs calls in a helper thread of the calling thread and gives up on one that does not end in time.

    The helper is kept for the next call, and is known by the name of its thread. One that is stuck is abandoned: it is
    a daemon, so it cannot delay the exit. Where no thread is to be had the call is made without a deadline; the process
    above keeps that of the whole inspection.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def call(self, work: Callable[[], T], timeout: float, what: str) -> T:
        """The result of `work()`, or its exception. HostError if it takes longer than `timeout` seconds."""
        helper: Optional[_Helper] = getattr(self._local, "helper", None)
        if helper is None:
            try:
                helper = self._local.helper = _Helper()
            except RuntimeError:  # "can't start new thread": what is asked matters more than how long it takes
                return work()
        helper.inbox.put(work)
        try:
            result, error = helper.outbox.get(timeout=max(timeout, 0))
        except Empty:
            self._local.helper = None
            raise HostError(f"{what} did not answer within {timeout:.1f} s") from None
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]


class _Helper:
    def __init__(self) -> None:
        self.inbox: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        self.outbox: SimpleQueue[tuple[Any, Optional[BaseException]]] = SimpleQueue()
        threading.Thread(target=self._serve, name=threading.current_thread().name, daemon=True).start()

    def _serve(self) -> None:
        while True:
            work = self.inbox.get()
            try:
                self.outbox.put((work(), None))
            except BaseException as error:
                self.outbox.put((None, error))


def together(calls: tuple[Callable[[], T], ...]) -> tuple[T, ...]:
    """Run the calls at once, one daemon thread each, and return their results in order.

    Every call must have a deadline of its own. Calls that get no thread are made one after another. The first exception
    in order is raised, after all have ended.
    """
    outcomes: list[tuple[Optional[T], Optional[BaseException]]] = [(None, None)] * len(calls)

    def run(number: int) -> None:
        try:
            outcomes[number] = (calls[number](), None)
        except BaseException as error:
            outcomes[number] = (None, error)

    name = threading.current_thread().name
    threads = [threading.Thread(target=run, args=(number,), name=name, daemon=True) for number in range(len(calls))]
    started = 0
    with suppress(RuntimeError):  # "can't start new thread"
        for thread in threads:
            thread.start()
            started += 1
    for number in range(started, len(calls)):
        run(number)
    for thread in threads[:started]:
        thread.join()
    for _, error in outcomes:
        if error is not None:
            raise error
    return tuple(result for result, _ in outcomes)  # type: ignore[misc]
