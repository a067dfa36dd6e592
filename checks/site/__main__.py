"""Build the site strictly and check what was built: `python -m checks.site`."""

from __future__ import annotations

import sys

from checks.failure import report
from checks.memory import ROOT
from checks.site.article import article_failures
from checks.site.build import build
from checks.site.contents import (
    INDEX,
    api_failures,
    asked_failures,
    claim_failures,
    docstring_failures,
    glossary_failures,
    lesson_failures,
    metric_failures,
    search_failures,
)
from checks.site.links import Site


def main() -> int:
    """Print every failure; the exit status says whether there are any."""
    failures = build(ROOT)
    site = Site(ROOT)
    if not (site.folder / INDEX).is_file():
        return report(failures, "the build was aborted")
    # MkDocs names most broken links itself: one line, one failure.
    known = {(failure.path, failure.line) for failure in failures}
    failures += [found for found in site.failures() if (found.path, found.line) not in known]
    of_site = (api_failures, article_failures, claim_failures, glossary_failures, search_failures)
    of_root = (asked_failures, docstring_failures, lesson_failures, metric_failures)
    failures += [failure for check in of_site for failure in check(site)]
    failures += [failure for check in of_root for failure in check(ROOT)]
    return report(set(failures), f"{len(site.pages)} pages built")


if __name__ == "__main__":
    sys.exit(main())
