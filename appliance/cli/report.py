"""`czujka report month`: the monthly report of the running box, as a PDF."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from appliance.cli.client import BoxClient, BoxRefused, BoxUnreachable, HomeOption, fail
from appliance.cli.exits import Exit
from appliance.home import Home
from appliance.language.dates import WARSAW

app = typer.Typer(no_args_is_help=True, help="Raporty.")


@app.callback()
def _group() -> None:
    """Keep `month` a sub-command, also while it is the only one."""


@app.command("month")
def month(
    home: HomeOption,
    out: Annotated[Path, typer.Option(help="Plik PDF, który powstanie.")],
    month: Annotated[str | None, typer.Option(help="Miesiąc RRRR-MM; domyślnie bieżący.")] = None,
    lang: Annotated[Literal["pl", "en"], typer.Option(help="Język raportu.")] = "pl",
) -> None:
    """Sporządź raport miesięczny."""
    asked = month or datetime.now(WARSAW).strftime("%Y-%m")
    try:
        with BoxClient(Home(home.resolve()), timeout=300) as box:
            report = box.post("/reports", {"kind": "month", "month": asked, "language": lang})
            out.write_bytes(box.download(f"/reports/{report['id']}/pdf"))
    except BoxUnreachable as error:
        fail(error, Exit.UNREACHABLE)
    except BoxRefused as error:
        fail(error, Exit.NO)
    except OSError as error:
        fail(RuntimeError(f"Nie udało się zapisać {out}: {error.strerror}"), Exit.NO)
    typer.echo(f"Raport za {asked}: {out} ({out.stat().st_size} bajtów)")
