"""Authenticode signatures of what Windows runs, put on and then checked by osslsigncode."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from appliance.packages.programs import run
from appliance.packages.wheels import PackageError

PROGRAM = "osslsigncode"
SYSTEM_CAS = Path("/etc/ssl/certs/ca-certificates.crt")
"""The authorities that Debian knows; those that sell certificates for code are among them."""


class Signing(NamedTuple):
    """A certificate, with those of its authorities behind it, and its key (PEM files)."""

    certificate: Path
    key: Path


def sign(path: Path, signing: Signing) -> None:
    """Sign a program or an MSI in its place and check the signature as Windows would; raises PackageError, OSError."""
    if shutil.which(PROGRAM) is None:
        raise PackageError("Brakuje pakietu systemowego: sudo apt-get install -y osslsigncode")
    draft = path.with_name(f"{path.name}.signed")
    names = ["-certs", str(signing.certificate.absolute()), "-key", str(signing.key.absolute())]
    run([PROGRAM, "sign", *names, "-h", "sha256", "-in", path.name, "-out", draft.name], path.parent)
    check(draft, signing.certificate)
    draft.replace(path)


def check(path: Path, certificate: Path) -> None:
    """Check a signature up to a root that stands in the certificate's file or that the system knows.

    Raises PackageError when the file was changed after it was signed, or the chain of certificates ends nowhere.
    """
    known = SYSTEM_CAS.read_bytes() if SYSTEM_CAS.is_file() else b""
    with tempfile.NamedTemporaryFile(prefix="czujka-roots-", suffix=".pem") as roots:
        roots.write(certificate.read_bytes() + b"\n" + known)
        roots.flush()
        try:
            run([PROGRAM, "verify", "-CAfile", roots.name, "-in", path.name], path.parent)
        except PackageError as error:
            raise PackageError(
                f"Podpis pliku {path.name.removesuffix('.signed')} nie przechodzi sprawdzenia. Dopisz do pliku "
                f"{certificate} certyfikaty wystawców, aż do głównego, i sprawdź, czy certyfikat jest ważny."
            ) from error
