"""Notifications as lines of a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from service_monitoring.sinks.message import encode_message

if TYPE_CHECKING:
    from pathlib import Path

    from service_monitoring.application.ports import Notification


class FileSink:
    """`Sink` that appends one line of JSON to a file and hands it to the disk.

    The file is opened for each line: it may be moved away meanwhile, and a new one begins.

    Args:
        path: The file; made if it is not there.
        name: The sink's name.

    Raises:
        OSError: The file can not be written.
    """

    def __init__(self, path: Path, name: str = "file") -> None:
        self._path = path
        self.name = name
        path.open("ab").close()

    def deliver(self, notification: Notification) -> None:
        """Append it.

        Raises:
            OSError: It can not be written.
        """
        line = encode_message(notification) + b"\n"
        with self._path.open("a+b") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":
                    line = b"\n" + line  # a full disk tore the line before; it shall not tear this one
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
