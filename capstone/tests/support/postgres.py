"""A real PostgreSQL server in a scratch folder, for as long as somebody needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING = "PostgreSQL is not installed (Debian package postgresql)"


def bin_folder() -> Path | None:
    """Where initdb and pg_ctl are; Debian keeps them off the PATH."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


@contextmanager
def running_postgres() -> Iterator[str]:
    """The address of a new server; it and its data are gone afterwards."""
    binaries = bin_folder()
    if binaries is None:
        raise FileNotFoundError(MISSING)
    # The server refuses to run as root, and a socket's path must be short.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / program, *arguments],
            user=user,
            check=True,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    try:
        run(
            "initdb",
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            f"-D{folder}/data",
        )
        options = f"-k {folder} -c listen_addresses='' -c max_connections=50"
        run("pg_ctl", "start", "--wait", "--silent", f"-D{folder}/data", f"-l{folder}/log", f"-o{options}")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "--silent", "--mode=immediate", f"-D{folder}/data")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
