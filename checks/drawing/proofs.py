"""What pages show of claims, rungs and change proposals: the claims file and the ladder's record, drawn."""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import relpath
from textwrap import indent
from typing import TYPE_CHECKING, Any

from checks.drawing.glossary import GLOSSARY
from checks.drawing.tables import table
from checks.proof.changes import read_change, read_changes
from checks.proof.claims import ProofData
from checks.proof.ladder import read_record, red_rungs
from checks.proof.review import QUESTIONS, known_answers, truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checks.proof.changes import Change
    from checks.proof.claims import Claim, Contract

PROPOSALS = "proposals"
MODULE = "module-10-performance-observability-security-review"
MAP = "guides/outcomes-and-proof-map.md"
FIRST, RED, GREEN = "●&nbsp;**first**", "○&nbsp;red", "·&nbsp;green"
LINKED = re.compile(r'proposals/([a-z0-9-]+)/index\.md|change\("([a-z0-9-]+)"\)')
PUBLISHED = re.compile(r"^\| \[(\d+)\. [^\]]*\]\(([^)#]+)\)", re.MULTILINE)
CHANGED = re.compile(r"^\+\+\+ b/capstone/src/service_monitoring/(\w+)", re.MULTILINE)


class Proofs:
    """The macros of one repository.

    Args:
        root: The repository.
        page: Gives the page that is being drawn, as a path below `docs/`.
    """

    def __init__(self, root: Path, page: Callable[[], str]) -> None:
        self._root = root
        self._page = page
        self._data = ProofData.read(root)
        self._record = read_record(root)
        pages = sorted((root / "docs" / MODULE).glob("*.md"))
        self._lessons = {title_of(page).casefold(): f"{MODULE}/{page.name}" for page in pages}

    @property
    def macros(self) -> tuple[Callable[..., str], ...]:
        """Everything that a page may call."""
        of_claims = (self.claim, self.claims, self.contracts, self.outcomes, self.rungs)
        of_changes = (self.change, self.first_red, self.matrix, self.proposals)
        return (*of_claims, *of_changes)

    def contracts(self) -> str:
        """The named contracts: promise, owner, and how many claims on which rungs stand for each."""
        rows = []
        for contract in self._data.contracts:
            claims = self._data.of_contract(contract.name)
            names = [rung.name for rung in self._data.rungs if any(c.rung == rung.name for c in claims)]
            rungs = ", ".join(f"[{name}]({self._to(GLOSSARY)}#{name})" for name in names)
            count = f"[{len(claims)}]({self._to(MAP)}#{_anchor(contract)})"
            owners = ", ".join(map(_owner, contract.owners))
            name = f"[{contract.name}]({self._to(GLOSSARY)}#{_anchor(contract)})"
            rows.append((name, contract.promise, owners, count, rungs))
        return table(["contract", "promise", "owner", "claims:", "their checks are on"], rows)

    def outcomes(self) -> str:
        """Each learning outcome with its contracts and their claims."""
        parts = []
        for number, outcome in enumerate(self._data.outcomes, 1):
            parts.append(f"## {number}. {outcome.text[0].upper()}{outcome.text[1:]}")
            for contract in self._data.contracts:
                if contract.outcome == number:
                    promise = f"*{contract.promise[0].upper()}{contract.promise[1:]}.*"
                    parts.append(f"### {contract.name} {{ #{_anchor(contract)} }}")
                    parts += [f"{promise}{self._lesson(contract)}", self.claims(contract.name)]
        return "\n\n".join(parts)

    def claims(self, contract: str) -> str:
        """The claims of one contract as a list, each with its id, its owner and its check."""
        found = self._data.of_contract(contract)
        if not found:
            raise LookupError(f"no claim belongs to a contract {contract!r}")
        return "\n".join(
            f'- <span id="{claim.id}"></span>{claim.statement}<br>'
            f"`{claim.id}`: kept by {_owner(claim.owner)}, tested on *{claim.rung}* by `{_test(claim)}`."
            for claim in found
        )

    def claim(self, name: str) -> str:
        """One claim, as a paragraph."""
        claim = self._data.claim(name)
        return (
            f"> {claim.statement}\n>\n"
            f"> Kept by {_owner(claim.owner)}, a part of *{claim.contract}*. Its test on the rung "
            f"*{claim.rung}* is `{_test(claim)}`. To prove it: `{claim.command}`."
        )

    def rungs(self) -> str:
        """The ladder: what each rung costs, sees, cannot see, and saw first."""
        recorded = self._record.get("rungs", {})
        rows, drifts = [], self._drifts().values()
        for rung in self._data.rungs:
            cost = recorded.get(rung.name, {"tests": 0, "seconds": 0.0})
            red = sum(rung.name in red_rungs(entry) for entry in drifts)
            first = sum(entry["first"] == rung.name for entry in drifts)
            alone = sum(red_rungs(entry) == [rung.name] for entry in drifts)
            rows.append((rung.name, f"{cost['tests']:,}", f"{cost['seconds']:.1f}", red, first, alone))
        lines = [table(["rung", "tests:", "seconds:", "red:", "first:", "alone:"], rows), ""]
        lines += [f"- **{r.name}** sees {r.sees}. It *cannot see* {r.blind}." for r in self._data.rungs]
        return "\n".join(lines)

    def matrix(self) -> str:
        """Drifts by rungs, folded: a table for each rung with those that it is the first to see."""
        names = [rung.name for rung in self._data.rungs]
        lines = []
        for rung in names:
            found = {name: entry for name, entry in self._drifts().items() if entry["first"] == rung}
            rows = []
            for name, entry in found.items():
                broken = ", ".join(truth(name, entry, self._data).contracts)
                drift = f"{self._link(name, entry['title'])}<br>breaks *{broken}*"
                rows.append((drift, *(self._cell(entry, each) for each in names)))
            head = ["drift", *(f":{each}:" for each in names)]
            lines += ["", f"**First seen by *{rung}*: {len(found)}**", "", table(head, rows)]
        folded = indent("\n".join(lines), "    ")
        return f'??? abstract "Show which change proposals break a promise (spoils the reviews)"\n{folded}'

    def proposals(self) -> str:
        """Every change proposal: below the lesson that links it, or the package that it changes."""
        module = self._root / "docs" / MODULE
        lessons: dict[str, str] = {}
        groups: dict[str, list[Change]] = {}
        for _, page in PUBLISHED.findall((module / "index.md").read_text(encoding="utf-8")):
            title = title_of(module / page)
            groups[title] = []
            for found in LINKED.findall((module / page).read_text(encoding="utf-8")):
                lessons.setdefault("".join(found), title)
        changes = {change: CHANGED.findall(change.diff)[0] for change in read_changes(self._root)}
        for change, package in sorted(changes.items(), key=lambda item: (item[1], item[0].name)):
            groups.setdefault(lessons.get(change.name, f"More: {package}"), []).append(change)
        lines = []
        for group, members in groups.items():
            lines += [f"## {group}", "", *(f"- {self._link(c.name, c.title)}" for c in members), ""]
        return "\n".join(lines)

    def change(self, name: str) -> str:
        """The diff of a change proposal, and where to judge it."""
        change = read_change(self._root, name)
        link = self._link(name, change.title)
        return f"```diff\n{change.diff.rstrip()}\n```\n\n*As a change proposal: {link}.*"

    def first_red(self, name: str) -> str:
        """Which rungs stay green with a change, and which test goes red first."""
        return "\n".join(self._seen(self._entry(name)))

    def judged(self, name: str) -> str:
        """What stands below a proposal on its page: the questions, then, folded, what the rungs said."""
        ask = (
            f"Answer three questions before you open the verdict, here or with `invoke review {name}`. "
            "`none` is a valid answer: approve a change that breaks nothing."
        )
        known = enumerate(known_answers(self._data).items(), 1)
        questions = [f"{at}. **{QUESTIONS[name]}:** {', '.join(words)}." for at, (name, words) in known]
        parts = ["## Judge it", ask, "\n".join(questions)]
        entry = self._record.get("changes", {}).get(name)
        if entry is None:
            return "\n\n".join([*parts, "It was not tried yet: `invoke ladder` tries it on every rung."])
        folded = indent("\n".join(self._verdict(name, entry)), "    ")
        return "\n\n".join([*parts, f'??? abstract "What the rungs said"\n\n{folded}'])

    def _verdict(self, name: str, entry: dict[str, Any]) -> Iterator[str]:
        if not entry["first"]:
            yield "It keeps every promise: no rung goes red."
            return
        true = truth(name, entry, self._data)
        yield f"It breaks *{', '.join(true.contracts)}*, a promise that *{', '.join(true.boundaries)}* keeps:"
        yield ""
        for claim in true.broken:
            yield f"- {claim.statement} Kept by {_owner(claim.owner)}: `{claim.command}`."
        yield ""
        if true.also_red:
            links = (f"[{claim.id}]({self._to(MAP)}#{claim.id})" for claim in true.also_red)
            yield f"Also red: the checks of {', '.join(links)}.\n"
        yield from self._seen(entry)

    def _seen(self, entry: dict[str, Any]) -> Iterator[str]:
        names = [rung.name for rung in self._data.rungs]
        yield table([f":{name}:" for name in names], [[self._cell(entry, name) for name in names]])
        if entry["first"]:
            test = entry["rungs"][entry["first"]]["test"]
            yield f"\nFirst red: `{test}`."

    @staticmethod
    def _cell(entry: dict[str, Any], rung: str) -> str:
        if not entry["rungs"][rung]["red"]:
            return GREEN
        return FIRST if entry["first"] == rung else RED

    def _drifts(self) -> dict[str, Any]:
        return {name: entry for name, entry in self._record.get("changes", {}).items() if entry["first"]}

    def _entry(self, name: str) -> dict[str, Any]:
        changes = self._record.get("changes", {})
        if name not in changes:
            raise LookupError(f"the ladder's record has no change {name!r}: invoke ladder")
        return dict(changes[name])

    def _lesson(self, contract: Contract) -> str:
        if path := self._lessons.get(contract.lesson.casefold()):
            return f" Lesson: [{contract.lesson}]({self._to(path)})."
        return ""

    def _link(self, name: str, title: str) -> str:
        return f"[{title}]({self._to(f'{PROPOSALS}/{name}/index.md')})"

    def _to(self, path: str) -> str:
        return relpath(path, Path(self._page()).parent.as_posix())


def title_of(page: Path) -> str:
    """What the first line of a page says."""
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").strip()


def _owner(name: str) -> str:
    parts = name.split(".")
    short = ".".join(part for part in parts[-2:] if part[0].isupper() or part == parts[-1])
    return f"[`{short}`][{name}]"


def _test(claim: Claim) -> str:
    return claim.check.partition("::")[2]


def _anchor(contract: Contract) -> str:
    return contract.name.replace(" ", "-")
