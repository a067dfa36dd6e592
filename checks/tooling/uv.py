"""Runs uv with pip's package index and certificates: `python -m checks.tooling.uv ARGUMENT…`.

uv does not read pip's settings, and a machine whose packages come from elsewhere often has no others.
Standard library only: set-up uses it before anything is installed.
"""

import ast
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from checks import child

NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "proxy": "ALL_PROXY",
    "cert": "SSL_CERT_FILE",
}
"""What uv calls the settings of pip."""


def settings(pip_config: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which uv finds what pip finds, and trusts whom pip trusts.

    Args:
        pip_config: What `pip config list` prints.
        environment: What uv would see otherwise; it wins, because it may hold uv's own settings.
    """
    # Like pip: the machine's certificates, and of all indexes the one that has the locked file.
    found = {"UV_SYSTEM_CERTS": "true", "UV_INDEX_STRATEGY": "unsafe-best-match"}
    if bundle := environment.get("REQUESTS_CA_BUNDLE"):
        found["SSL_CERT_FILE"] = bundle
    for section in ("global", "install", ":env:"):  # the last one wins
        for key, value in re.findall(rf"^{section}\.([\w-]+)=(.+)$", pip_config, re.MULTILINE):
            if key in NAMES:
                separator = "," if key == "find-links" else " "
                found[NAMES[key]] = separator.join(ast.literal_eval(value).split())
    return found | dict(environment)


def main() -> NoReturn:
    """Become the uv that is installed beside this Python, for this Python."""
    pip = child.run([sys.executable, "-m", "pip", "config", "list"], cwd=Path.cwd())
    uv = str(Path(sys.executable).with_name("uv"))
    environment = settings(pip.output, os.environ) | {"UV_PYTHON": sys.executable}
    os.execve(uv, [uv, *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()
