"""The interpreter of one page: runs its Python blocks in page order, in one namespace.

A process of its own, so that a page starts as fresh as its reader does and leaves nothing behind
for the next one. Standard input carries the blocks, the descriptor in the arguments the replies.
"""

import json
import linecache
import os
import sys
import traceback
import types
from pathlib import Path


def run(source: str, path: str, namespace: dict[str, object]) -> dict[str, object]:
    """Execute one block; the reply says what it raised, if anything, and on which line."""
    try:
        # The page's own future imports decide, never this file's.
        code = compile(source, path, "exec", dont_inherit=True)
        exec(code, namespace)  # noqa: S102 - running the page's code is what this is for
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a block that exits has failed like one that raises
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == path]
        if isinstance(error, SyntaxError) and error.filename == path:
            lines.append(error.lineno)
        summary = "".join(traceback.format_exception_only(error)).strip()
        shown = [frame for frame in frames if frame.filename != __file__]
        text = "".join(traceback.format_list(shown)) + summary
        return {"error": summary.splitlines()[-1], "line": lines[0] if lines else None, "text": text}
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return {"error": ""}


def begin(path: str, text: str) -> dict[str, object]:
    """Begin a page: its namespace, as the main module of this process."""
    lines = [f"{line}\n" for line in text.split("\n")]
    # Tracebacks and inspect.getsource then show the page's own lines.
    linecache.cache[path] = (len(lines), None, lines, path)
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv = [""]
    return module.__dict__


def main() -> None:
    """Serve blocks until the page ends."""
    path, text, reply_to = sys.argv[1], sys.argv[2], int(sys.argv[3])
    namespace = begin(path, Path(text).read_text(encoding="utf-8"))
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)
    with os.fdopen(reply_to, "w", encoding="utf-8") as replies:
        for request in requests:
            reply = run(json.loads(request), path, namespace)
            replies.write(json.dumps(reply) + "\n")
            replies.flush()


if __name__ == "__main__":
    main()
