"""`Caller`: run things in a thread's event loop, from anywhere. Here is where callers come from and how they end."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, cast

from async_kernel._platform import HAS_THREADS
from async_kernel.caller import _registry
from async_kernel.caller._backend import check_options, current_backend, current_loop, run, run_as_guest, run_hosted
from async_kernel.caller._call import running
from async_kernel.caller._claim import Claim
from async_kernel.caller._host import check_host, current_host, make_host
from async_kernel.caller._pending import Pending
from async_kernel.caller._pool import WorkerPool
from async_kernel.caller._scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from async_kernel.caller._backend import Backend, EventLoop
    from async_kernel.caller._host import Host

Which: TypeAlias = Literal["CurrentThread", "MainThread", "NewThread", "manual"]
State: TypeAlias = Literal["new", "running", "stopping", "stopped"]


_log = logging.getLogger("async_kernel.caller")


class Caller(Scheduler):
    """Runs functions and coroutine functions in the event loop of one thread, for callers in any thread.

    `Caller()` is the caller of the current thread; where an event loop runs that has none yet, it makes one that lasts
    as long as the loop. `Caller("MainThread")` is that of the main thread. `Caller("NewThread")` starts a thread with
    an event loop and returns its caller. `Caller("manual")` is for `async with`: it serves the loop it is entered in
    until it is left.

    There is one caller a thread. Where there are no threads (in Pyodide) children and new threads share the event loop
    there is, and `Caller()` is the one whose call is running.

    Args:
        which: see above.
        name: what to call it, and its thread. Where there is a caller already, the name it must have.
        backend: `"asyncio"` or `"trio"`. The default for a new thread is asyncio.
        backend_options: for a new thread. asyncio takes `debug`, `loop_factory` and `use_uvloop`, trio what `trio.run`
            takes.
        host: for a new thread, the GUI whose main loop it runs, the event loop being its guest: `"tk"`, or `"custom"`.
            Qt's main loop runs in the main thread only.
        host_options: what the host's class takes. For `custom` its `host_class`, a class or its dotted path.
        protected: `stop` needs `force`.
        log: where failures go that have no other place, by default the logger `async_kernel.caller`.
        threads: whether children get threads of their own, by default where the platform has threads.
        stop_timeout: seconds that leaving `async with` waits for calls and threads that do not end, before it leaves
            them behind; `None` for as long as it takes.

    Raises:
        ValueError: the caller of the thread has another name or backend, or there is no such backend, host or option.
        HostError: the host cannot be had here; the text says what to install or set.
        RuntimeError: there is no caller for the thread, and no event loop runs in it that could have one.
        ImportError: trio is asked for and not installed.
    """

    def __new__(
        cls,
        which: Which = "CurrentThread",
        /,
        *,
        name: str | None = None,
        backend: Backend | None = None,
        backend_options: Mapping[str, Any] | None = None,
        host: str | None = None,
        host_options: Mapping[str, Any] | None = None,
        protected: bool = False,
        log: logging.Logger = _log,
        threads: bool = HAS_THREADS,
        stop_timeout: float | None = None,
    ) -> Self:
        if which not in {"CurrentThread", "MainThread", "NewThread", "manual"}:
            msg = f"Which caller? CurrentThread, MainThread, NewThread or manual, not {which!r}."
            raise ValueError(msg)
        if backend is not None or backend_options:
            check_options(backend or "asyncio", backend_options, as_guest=host is not None)
        if host is not None:
            check_host(host, host_options)
            if which != "NewThread" or not threads:
                msg = f"A host needs a thread that is new: use `Caller('NewThread', host={host!r})`."
                raise ValueError(msg)
        serves_here = which in {"CurrentThread", "MainThread"}
        if serves_here and (found := _find(which)) is not None:
            found._refuse_other(name, backend)
            return cast("Self", found)
        self = object.__new__(cls)
        self._set_up(name, backend, protected, log, threads, stop_timeout)
        if which == "NewThread" and threads:
            self._start_thread(backend_options, host, host_options)
        elif which == "NewThread":
            self._shares_loop = True
            self._attach(current_loop(), threading.current_thread())
            self._tell_no_threads(repr(self))
        elif serves_here:
            loop = current_loop()
            self._attach(loop, threading.current_thread())
            loop.spawn_service(self._serve)
        return self

    def _set_up(
        self,
        name: str | None,
        backend: Backend | None,
        protected: bool,
        log: logging.Logger,
        threads: bool,
        stop_timeout: float | None = None,
        parent: Caller | None = None,
    ) -> None:
        self._set_up_calls(log, WorkerPool(self._new_worker) if threads else None)
        self._executor.drained._add_callback(self._check_drained)
        self.protected = protected
        self._name = name
        self._backend = backend
        self._host: Host | None = None
        self._threads = threads
        self._stop_timeout = stop_timeout
        self._parent = parent
        self._children: set[Caller] = set()
        self._named: dict[str, Caller] = {}
        self._guests: dict[Backend, Caller] = {}
        self._state: State = "new"
        self._thread: threading.Thread | None = None
        self._thread_id: int | None = None
        self._has_own_loop = False
        self._shares_loop = False
        self._is_guest = False
        self._numbers = itertools.count(1)
        self._may_stop = Claim()
        self._stopping: Pending[None] = Pending()  # `stop` was called
        self._drained: Pending[None] = Pending()  # and all calls and children have ended
        self._stopped: Pending[None] = Pending()  # and so has the thread, if it is this caller's own

    def __repr__(self) -> str:
        return f"<Caller {self.name!r} {self._state} id={self.id}>"

    # What it is

    @property
    def name(self) -> str:
        """Its name, by default that of the thread."""
        if self._name is not None:
            return self._name
        return "manual" if self._thread is None else self._thread.name

    @property
    def id(self) -> int:
        """The identifier of its thread; where it shares a thread with its parent, or has none yet, one of its own."""
        return id(self) if self._thread_id is None or self._shares_loop else self._thread_id

    @property
    def thread(self) -> threading.Thread | None:
        """The thread that its event loop runs in, `None` until there is one."""
        return self._thread

    @property
    def thread_id(self) -> int | None:
        """The identifier of `thread`."""
        return self._thread_id

    @property
    def backend(self) -> Backend | None:
        """`"asyncio"` or `"trio"`, `None` as long as that is open."""
        return self._backend

    @property
    def host(self) -> str | None:
        """The GUI whose main loop runs in its thread: `"tk"`, `"qt"`, `"custom"` or `None`."""
        return None if self._host is None else self._host.name

    @property
    def parent(self) -> Caller | None:
        """The caller whose child it is."""
        return self._parent

    @property
    def children(self) -> frozenset[Caller]:
        """Its children that have not stopped, the workers of `to_thread` among them."""
        return frozenset(self._children)

    @property
    def running(self) -> bool:
        """Whether its event loop runs and it takes calls."""
        return self._state == "running" and not self._executor.closed

    @property
    def stopped(self) -> bool:
        """Whether it has been stopped and its calls have ended, or its event loop has ended."""
        loop = self._executor.loop
        return self._state == "stopped" or (loop is not None and loop.is_closed() and not self._has_own_loop)

    @classmethod
    def current_pending(cls) -> Pending[Any] | None:
        """The pending of the call that runs in the current context."""
        if (call := running.get()) is None:
            return None
        pending = call.pending()
        return None if pending is None or pending.done() else pending

    @classmethod
    def id_current(cls) -> int:
        """The `id` of the current caller, or that one would have in this thread."""
        current = _registry.find_current()
        return threading.get_ident() if current is None else current.id

    @classmethod
    def get_existing(cls, caller_id: int) -> Caller | None:
        """The caller with this `id`, `None` if there is none or it has stopped."""
        return _registry.find(caller_id)

    @classmethod
    def all_callers(cls, running_only: bool = True) -> list[Caller]:
        """All callers of the process; with `running_only` without those that are starting or stopping."""
        return [caller for caller in _registry.everyone() if caller.running or not running_only]

    # Its life

    async def __aenter__(self) -> Self:
        if self._state != "new":
            msg = f"{self!r} cannot be entered: it is not new. Use `async with Caller('manual')`."
            raise RuntimeError(msg)
        try:
            self._attach(current_loop(), threading.current_thread())
        except BaseException:
            self._finalise()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._wind_up()

    def stop(self, force: bool = False) -> Pending[None]:
        """Stop it: its children are stopped, its calls cancelled, and it takes no more. From any thread.

        Args:
            force: stop it though it is protected.

        Returns:
            A pending that is done when all calls, and the threads started for it, have ended. If it is protected, and
            so goes on, the pending is cancelled.
        """
        ended: Pending[None] = Pending()
        if self.protected and not force:
            ended.cancel(f"{self!r} is protected. It stops with `stop(force=True)`.")
            return ended
        ended._owner = self
        self._stopped._add_callback(lambda _: ended._resolve(None, None))
        if self._may_stop.take():
            self._state = "stopping"
            self._executor.close(f"{self!r} has been stopped.")
            self._queues.close()
            for child in list(self._children):
                child.stop(force=True)
            self._stopping._resolve(None, None)
        return ended

    async def _wind_up(self) -> None:
        """Stop, and wait for the end of it, even where this task has been cancelled."""
        import anyio

        self.stop(force=True)
        with anyio.CancelScope(shield=True):
            try:
                await self._drained.wait(timeout=self._stop_timeout, protect=True)
            except TimeoutError:
                left = [child.name for child in self._children]
                self.log.warning("%r leaves behind what has not ended in time. Busy children: %s", self, left or "none")
                self._finalise()

    async def _serve(self) -> None:
        """Be there for as long as the event loop is."""
        can_wait = True
        try:
            await self._stopping.wait(protect=True)
        except GeneratorExit:  # the loop was closed without a word, and this task is being thrown away
            can_wait = False
            self._finalise()
            raise
        finally:
            if can_wait:
                await self._wind_up()

    def _attach(self, loop: EventLoop, thread: threading.Thread) -> None:
        """Serve this loop, which runs in this thread."""
        if self._backend not in {None, loop.backend}:
            msg = f"{self!r} is for {self._backend}, and the event loop here is that of {loop.backend}."
            raise ValueError(msg)
        self._thread = thread
        self._thread_id = thread.ident
        if not _registry.claim(self.id, self):
            self._thread = self._thread_id = None
            msg = f"This thread has a caller already, {_registry.find(threading.get_ident())!r}. Use `Caller()`."
            raise RuntimeError(msg)
        self._backend = loop.backend
        self._host = current_host()
        if self._state == "new":
            self._state = "running"
        self._executor.attach(loop)
        for child in list(self._children):
            if child._shares_loop and not child._is_guest:
                child._attach(loop, thread)

    def _start_thread(
        self,
        backend_options: Mapping[str, Any] | None,
        host: str | None = None,
        host_options: Mapping[str, Any] | None = None,
    ) -> None:
        backend = self._backend = self._backend or "asyncio"
        self._has_own_loop = True
        host_made: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

        async def serve() -> None:
            self._attach(current_loop(), threading.current_thread())
            await self._serve()

        def run_loop() -> None:
            try:
                if host is None:
                    run(serve, backend, backend_options)
                elif (made := self._try_host(host, host_options, host_made)) is not None:
                    run_hosted(serve, backend, backend_options, made)
            except Exception:  # outer edge of a thread
                self.log.exception("The event loop of %r ended with an error.", self)
            finally:
                self._finalise()

        self._thread = threading.Thread(target=run_loop, name=self._name, daemon=True)
        self._thread.start()
        self._thread_id = self._thread.ident
        _registry.claim(self.id, self)  # known to others before its loop runs
        if self.stopped:
            _registry.release(self.id, self)
        if host is not None and (error := host_made.get()) is not None:
            raise error

    def _try_host(
        self, name: str, options: Mapping[str, Any] | None, made: queue.SimpleQueue[Exception | None]
    ) -> Host | None:
        """A host, in the thread that it is for, and what came of it to who waits."""
        try:
            host = make_host(name, options)
        except Exception as error:  # noqa: BLE001 (raised where the caller is made)
            made.put(error)
            return None
        made.put(None)
        return host

    def _check_drained(self, _: object = None) -> None:
        if self._executor.drained.done() and not self._children:
            # Finalised first: whoever waits may go on in another thread at once, and claim this one.
            if not self._has_own_loop:
                self._finalise()
            self._drained._resolve(None, None)

    def _finalise(self) -> None:
        """There is no loop any more, or none that this caller serves."""
        self._state = "stopped"
        self._may_stop.take()
        self._stopping._resolve(None, None)
        if self._thread_id is not None:
            _registry.release(self.id, self)
        self._executor.abandon("The event loop of its caller has ended.")
        self._queues.close()
        for child in list(self._children):
            child.stop(force=True)
        if (parent := self._parent) is not None:
            parent._forget_child(self)
        self._stopped._resolve(None, None)

    # Children

    def get(
        self,
        name: str | None = None,
        *,
        backend: Backend | None = None,
        backend_options: Mapping[str, Any] | None = None,
        protected: bool = False,
    ) -> Caller:
        """A child, with a thread and an event loop of its own where there are threads: the same one for the same name.

        Args:
            name: of the child and its thread; without it, the child is a new one.
            backend: by default that of this caller.
            backend_options: for the event loop of a new child.
            protected: `stop` on it needs `force`. It is stopped with its parent all the same.

        Raises:
            ValueError: the child with this name has another backend, or there is no such backend or option.
            CallerStopped: this caller has been stopped.
        """
        if name is not None and (child := self._named.get(name)) is not None:
            child._refuse_other(name, backend)
            return child
        return self._new_child(name, backend, backend_options, protected)

    def _using(self, backend: Backend | None) -> Caller:
        if backend is None or backend == self._backend:
            return self
        check_options(backend, None)
        if (guest := self._guests.get(backend)) is not None and not guest.stopped:
            return guest
        if self._backend is None:
            msg = f"{self!r} has no event loop yet: use `async with`, then {backend} can be its guest."
            raise RuntimeError(msg)
        guest = object.__new__(type(self))
        name = f"{self.name}-{backend}"
        guest._set_up(name, backend, protected=False, log=self.log, threads=self._threads, parent=self)
        guest._shares_loop = guest._is_guest = guest._has_own_loop = True
        if (other := self._guests.setdefault(backend, guest)) is not guest:
            return other
        self._children.add(guest)
        try:
            self._executor.post(guest._start_as_guest, backend)
        except BaseException:
            guest._finalise()
            raise
        return guest

    def _start_as_guest(self, backend: Backend) -> None:
        async def serve() -> None:
            self._attach(current_loop(), threading.current_thread())
            await self._serve()

        def ended(error: BaseException | None) -> None:
            if error is not None:
                self.log.error("The event loop of %r ended with an error.", self, exc_info=error)
            self._finalise()

        try:
            run_as_guest(serve, backend, current_loop(), ended)
        except Exception as error:  # noqa: BLE001 (outer edge: called by an event loop)
            ended(error)

    def _new_worker(self) -> Caller:
        worker = self._new_child()
        worker._pool = self._pool
        return worker

    def _new_child(
        self,
        name: str | None = None,
        backend: Backend | None = None,
        backend_options: Mapping[str, Any] | None = None,
        protected: bool = False,
    ) -> Caller:
        wanted = backend or self._backend
        check_options(wanted or "asyncio", backend_options)
        child = object.__new__(type(self))
        child._set_up(name, wanted, protected, self.log, self._threads, parent=self)
        child._shares_loop = not self._threads
        if name is not None and (other := self._named.setdefault(name, child)) is not child:
            return other
        child._name = name or f"{self.name}-{next(self._numbers)}"
        self._children.add(child)
        try:
            self._executor.refuse_closed()
            if self._threads:
                child._start_thread(backend_options)
            elif self._executor.loop is not None and self._thread is not None:
                child._attach(self._executor.loop, self._thread)
        except BaseException:
            child._finalise()
            raise
        return child

    def _forget_child(self, child: Caller) -> None:
        self._children.discard(child)
        if child._name is not None and self._named.get(child._name) is child:
            del self._named[child._name]
        if child._is_guest and child._backend is not None and self._guests.get(child._backend) is child:
            del self._guests[child._backend]
        self._check_drained()

    def _refuse_other(self, name: str | None, backend: str | None) -> None:
        if name is not None and name != self.name:
            msg = f"The caller here is {self!r}. There is one a thread: it cannot have the name {name!r} too."
            raise ValueError(msg)
        if backend is not None and backend != self._backend:
            msg = f"{self!r} has the backend {self._backend}, not {backend}."
            raise ValueError(msg)


def _find(which: Which) -> Caller | None:
    """The caller that is asked for, `None` if one can be made here."""
    main_id = threading.main_thread().ident
    found = _registry.find_current() if which == "CurrentThread" else _registry.find(main_id or 0)
    if found is not None:
        return found
    if which == "MainThread" and threading.get_ident() != main_id:
        msg = "The main thread has no caller. Make one there first, in its event loop: `Caller()`."
        raise RuntimeError(msg)
    if current_backend() is None:
        msg = "This thread has no caller, and no event loop that one could serve. Use `Caller('NewThread')`."
        raise RuntimeError(msg)
    return None
