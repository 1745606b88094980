"""Fuzzes the sensor's parsers: `python -m tests.fuzz.parsers NAME [flags of libFuzzer]`, or `… --each SECONDS`.

It begins with the fixtures. A finding is an exception that no parser may raise, or an input that takes longer than
libFuzzer's `-timeout`. atheris is installed by whoever runs it (`pip install atheris`).
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from collector.protocols.model import Conversation, Protocol, Side
from tests.collector.protocols.talk import ALLOWED, DATA, Turn, flow_of, read
from tests.fuzz.turns import decoded, encoded

_FLAGS = ("-timeout=2", "-max_len=20000", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0")
_SEED = 20261122
FLOWLESS = frozenset({"arp", "cdp", "lldp", "neighbour"})
"""What belongs to no flow (`flowless.TARGETS`, which is loaded only under the fuzzer's eyes)."""
_RUNS = "stat::number_of_executed_units:"


def main(arguments: list[str]) -> int:
    """Fuzz one parser, or each for some seconds; the exit code is that of the worst."""
    if arguments[:1] == ["--each"]:
        names = sorted({folder.name for folder in DATA.iterdir() if folder.is_dir()} | FLOWLESS)
        return max(_apart(name, int(arguments[1])) for name in names)
    (_fuzz_flowless if arguments[0] in FLOWLESS else _fuzz)(arguments[0], arguments[1:])
    return 0


def _apart(name: str, seconds: int) -> int:
    """Fuzz one parser in a process of its own and say how it ended."""
    command = [sys.executable, "-m", "tests.fuzz.parsers", name, f"-max_total_time={seconds}", f"-seed={_SEED}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = [line.rpartition(" ")[2] for line in done.stderr.splitlines() if line.startswith(_RUNS)]
    print(f"{name}: {'nothing' if done.returncode == 0 else 'SOMETHING'} found, inputs: {', '.join(told)}", flush=True)
    if done.returncode:
        print(done.stderr[-4000:], flush=True)
    return done.returncode


def _fuzz(name: str, flags: list[str]) -> None:
    import atheris  # noqa: PLC0415 - only whoever fuzzes has it

    with atheris.instrument_imports(include=["collector.protocols"]):
        from collector.protocols.registry import PROTOCOLS  # noqa: PLC0415 - what is loaded here is watched

    (protocol,) = (one for one in PROTOCOLS if one.name == _service(name))
    flows = [flow_of(transport, 50123, min(protocol.ports, default=1)) for transport in sorted(protocol.transports)]

    def one(raw: bytes) -> None:
        for flow in flows:
            with contextlib.suppress(*ALLOWED):
                _fed(protocol.open(flow), decoded(raw))
        with contextlib.suppress(*ALLOWED):
            protocol.recognises(Side.ORIG, raw[:4096])

    _run(one, [encoded(read(file).turns) for file in (DATA / name).glob("*.talk")], flags)


def _fuzz_flowless(name: str, flags: list[str]) -> None:
    import atheris  # noqa: PLC0415 - only whoever fuzzes has it

    with atheris.instrument_imports(include=["collector.protocols", "collector.rare", "scapy.contrib"]):
        from tests.fuzz.flowless import TARGETS  # noqa: PLC0415 - what is loaded here is watched

    _run(TARGETS[name].one, TARGETS[name].seeds, flags)


def _run(one: Callable[[bytes], None], seeds: Iterable[bytes], flags: list[str]) -> None:
    """Give libFuzzer what it begins with, and begin."""
    import atheris  # noqa: PLC0415 - only whoever fuzzes has it

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *_FLAGS, *flags, folder], one)
        atheris.Fuzz()


def _fed(parser: Conversation, turns: Iterable[Turn]) -> None:
    for side, data in turns:
        list(parser.feed(side, 5, data))
    parser.lost(Side.RESP, 6)
    list(parser.close(7))


def _service(name: str) -> str:
    """Return the name of the service whose module or package has this name."""
    found: Protocol = import_module(f"collector.protocols.{name}").PROTOCOL
    return found.name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
