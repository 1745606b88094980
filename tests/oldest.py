"""The oldest Python that runs what is given away: where one is, and what came to its library later."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

OLDEST = (3, 9)
MODULES = {"tomllib", "asyncio.taskgroups", "asyncio.timeouts", "wsgiref.types"}
NAMES = {
    "base64": {"b32hexdecode", "b32hexencode"},
    "contextlib": {"AsyncContextDecorator", "aclosing", "chdir"},
    "ctypes": {"BigEndianUnion", "LittleEndianUnion"},
    "dataclasses": {"KW_ONLY"},
    "datetime": {"UTC"},
    "enum": {"EnumCheck", "EnumType", "FlagBoundary", "ReprEnum", "StrEnum", "member", "nonmember", "verify"},
    "fcntl": {"F_GETPIPE_SZ", "F_SETPIPE_SZ"},
    "hashlib": {"file_digest"},
    "inspect": {"get_annotations", "getmembers_static"},
    "io": {"text_encoding"},
    "itertools": {"batched", "pairwise"},
    "logging": {"getHandlerByName", "getHandlerNames", "getLevelNamesMapping"},
    "math": {"cbrt", "exp2", "sumprod"},
    "operator": {"call"},
    "os": {
        "EFD_CLOEXEC", "EFD_NONBLOCK", "EFD_SEMAPHORE", "eventfd", "eventfd_read", "eventfd_write", "login_tty",
        "setns", "splice", "unshare",
    },
    "platform": {"freedesktop_os_release"},
    "re": {"NOFLAG"},
    "socket": {"SO_INCOMING_CPU", "IPPROTO_MPTCP", "IP_BIND_ADDRESS_NO_PORT"},
    "sqlite3": {"Blob"},
    "ssl": {"OP_ENABLE_KTLS", "OP_IGNORE_UNEXPECTED_EOF"},
    "sys": {"exception", "orig_argv", "stdlib_module_names"},
    "threading": {"getprofile", "gettrace"},
    "types": {"EllipsisType", "NoneType", "NotImplementedType", "UnionType"},
    "typing": {
        "Concatenate", "LiteralString", "Never", "NotRequired", "ParamSpec", "Required", "Self", "TypeAlias",
        "TypeGuard", "TypeVarTuple", "Unpack", "assert_never", "assert_type", "dataclass_transform", "is_typeddict",
        "override", "reveal_type",
    },
}  # fmt: skip
"""Of the standard library's modules: what came after Python 3.9 (docs.python.org, “What's New” 3.10 to 3.12)."""
BUILTINS = {"BaseExceptionGroup", "EncodingWarning", "ExceptionGroup", "aiter", "anext"}
METHODS = {
    "add_note", "bit_count", "blobopen", "deserialize", "getlimit", "hardlink_to", "setlimit", "sqlite_errorcode",
    "sqlite_errorname",
}  # fmt: skip
ARGUMENTS = {
    "bisect": {"key"}, "bisect_left": {"key"}, "bisect_right": {"key"}, "insort": {"key"}, "zip": {"strict"},
    "dataclass": {"kw_only", "slots", "weakref_slot"}, "TemporaryDirectory": {"delete", "ignore_cleanup_errors"},
    "Popen": {"pipesize", "process_group"}, "run": {"pipesize", "process_group"}, "realpath": {"strict"},
    "glob": {"include_hidden", "root_dir"}, "iglob": {"include_hidden", "root_dir"}, "write_text": {"newline"},
}  # fmt: skip
"""Of calls by the last word of their name: arguments that came later."""


def interpreter() -> str | None:
    """Return a Python of this version that works, on the path or among pyenv's; None where there is none."""
    number = ".".join(map(str, OLDEST))
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    among = [shutil.which(f"python{number}"), *map(str, sorted(pyenv.glob(f"versions/{number}.*/bin/python")))]
    return next((one for one in among if one and _works(one)), None)


def _works(python: str) -> bool:
    asked = "import sqlite3, ssl, sys; print(sys.version_info[:2])"
    done = subprocess.run([python, "-I", "-c", asked], capture_output=True, text=True, check=False)
    return done.stdout.strip() == str(OLDEST)


def newer(source: bytes) -> set[str]:
    """Return what a module uses that came later; raises SyntaxError for a grammar that did.

    An attribute counts by its name where its module was imported whole. Annotations are not looked at: they are
    deferred, and nobody evaluates them.
    """
    tree = ast.parse(source, feature_version=OLDEST)
    deferred = {id(part) for node in _annotations(tree) for part in ast.walk(node)}
    return {found for node in ast.walk(tree) if id(node) not in deferred for found in _newer(node)}


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.AnnAssign, ast.arg)) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            yield node.returns


def _newer(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names if name.name in MODULES)
    elif isinstance(node, ast.ImportFrom):
        known = NAMES.get(node.module or "", set())
        yield from (f"{node.module}.{name.name}" for name in node.names if name.name in known)
        yield from {node.module or ""} & MODULES
    elif isinstance(node, ast.Name):
        yield from {node.id} & BUILTINS
    elif isinstance(node, ast.Attribute):
        yield from {node.attr} & METHODS
        if isinstance(node.value, ast.Name) and node.attr in NAMES.get(node.value.id, ()):
            yield f"{node.value.id}.{node.attr}"
    elif isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        yield from (f"{called}({one.arg}=)" for one in node.keywords if one.arg in ARGUMENTS.get(called, ()))
    elif (
        isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and (_is_type(node.left) or _is_type(node.right))
    ):
        yield f"a union at run time: {ast.unparse(node)}"


def _is_type(node: ast.expr) -> bool:
    """Tell whether an operand is a type by its looks: None, `int`, `list[…]`, `Entry`; constants are upper case."""
    if isinstance(node, ast.Subscript):
        return _is_type(node.value)
    if isinstance(node, ast.Name):
        return node.id in {"bool", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"} or (
            node.id[:1].isupper() and not node.id.isupper()
        )
    return isinstance(node, ast.Constant) and node.value is None
