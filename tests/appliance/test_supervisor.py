"""The supervisor keeps processes alive and stops them in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from appliance.supervisor import Child, Program, supervise


class Lines:
    """Collects what a console would show."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, label: str, line: str) -> None:
        self.seen.append((label, line))

    async def wait(self, label: str, text: str, times: int = 1) -> None:
        async with asyncio.timeout(15):
            while sum(1 for seen, line in self.seen if seen == label and text in line) < times:
                await asyncio.sleep(0.01)


def _python(label: str, code: str) -> Child:
    return Child(Program(label, (sys.executable, "-u", "-c", code), 31))


_STAY = "import signal, time; print('up'); signal.pause()"


def test_a_killed_process_is_started_again_and_its_lines_are_labelled() -> None:
    child, lines = _python("one", _STAY), Lines()

    async def scene() -> None:
        await lines.wait("one", "up")
        assert child.process is not None
        child.process.kill()
        await lines.wait("one", "up", times=2)
        os.kill(os.getpid(), signal.SIGTERM)

    asyncio.run(supervise([child], lines, scene))
    assert child.starts == 2
    assert any("-9" in line for _, line in lines.seen)
    assert child.process is not None
    assert child.process.returncode is not None


def test_the_last_started_is_stopped_first() -> None:
    order: list[str] = []

    class Recorded(Child):
        async def stop(self) -> None:
            order.append(self.program.label)
            await super().stop()

    children = [Recorded(Program(name, (sys.executable, "-u", "-c", _STAY), 31)) for name in ("a", "b")]
    lines = Lines()

    async def scene() -> None:
        await lines.wait("a", "up")
        await lines.wait("b", "up")
        os.kill(os.getpid(), signal.SIGINT)

    asyncio.run(supervise(children, lines, scene))
    assert order == ["b", "a"]


def test_when_the_start_fails_everything_is_stopped_and_the_error_is_told() -> None:
    child, lines = _python("one", _STAY), Lines()

    async def scene() -> None:
        await lines.wait("one", "up")
        raise RuntimeError("not ready")

    with pytest.raises(RuntimeError, match="not ready"):
        asyncio.run(supervise([child], lines, scene))
    assert child.process is not None
    assert child.process.returncode is not None


def test_a_line_without_end_neither_stops_the_reader_nor_fills_memory() -> None:
    code = "import signal; print('x' * 3_000_000); print('after', flush=True); signal.pause()"
    child, lines = _python("one", code), Lines()

    async def scene() -> None:
        await lines.wait("one", "after")
        os.kill(os.getpid(), signal.SIGTERM)

    asyncio.run(supervise([child], lines, scene))
    assert all(len(line) < 1 << 20 for _, line in lines.seen)


def test_a_gate_holds_the_first_start() -> None:
    opened = asyncio.Event()

    async def gate() -> None:
        await opened.wait()

    child, lines = _python("one", _STAY), Lines()
    child.gate = gate

    async def scene() -> None:
        await asyncio.sleep(0)
        assert child.starts == 0
        opened.set()
        await lines.wait("one", "up")
        os.kill(os.getpid(), signal.SIGTERM)

    asyncio.run(supervise([child], lines, scene))
    assert child.starts == 1


def test_a_child_that_waits_at_its_gate_or_pauses_does_not_hold_the_end() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    gated, failing, lines = _python("gated", _STAY), _python("failing", "raise SystemExit(1)"), Lines()
    gated.gate = never

    async def scene() -> None:
        await lines.wait("failing", "ponowny start", times=2)
        os.kill(os.getpid(), signal.SIGTERM)

    async def bounded() -> None:
        async with asyncio.timeout(10):
            await supervise([gated, failing], lines, scene)

    asyncio.run(bounded())
    assert gated.starts == 0
