#!/usr/bin/env python3
"""Every bug that other engines had is answered by something that exists: check_scenarios.py SOURCE_DIR

Reads the table "Bugs of other engines" of docs/CONSENSUS.md. Rows are numbered from 1 to the last without a gap; the bug is
told in at most twelve words; each row names at least one of the following in backquotes, and whatever it names exists:
  script.txt      in tests/consensus/scripts
  Suite.Test      a test of tests/**/*.cc or *.h
  exhaustive X    a search of tests/consensus/explore/bounds.cc
  mutant X        a planted bug of src/common/mutant.h
  seed N          in sim/seeds/regressions.txt
  judge X         sim/invariants/X.h
  path/file       of the source tree
The feature table is held to the same rule for what it names.
"""

import pathlib
import re
import sys

BUGS = 54
TEST = re.compile(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP)\(\s*(\w+),\s*(\w+)", re.MULTILINE)


def section(text, title):
    """The table rows below a heading, as lists of cells."""
    found = re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    if not found:
        return []
    rows = [line for line in found.group(1).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


class Tree:
    """What there is to name."""

    def __init__(self, source):
        self.source = source
        self.tests = set()
        for path in sorted((source / "tests").rglob("*")):
            if path.suffix in (".cc", ".h"):
                self.tests |= {f"{suite}.{name}" for suite, name in TEST.findall(path.read_text())}
        self.searches = set(re.findall(r'\.name = "([\w-]+)"', (source / "tests/consensus/explore/bounds.cc").read_text()))
        self.mutants = set(re.findall(r"^\s*k([A-Z]\d+),", (source / "src/common/mutant.h").read_text(), re.MULTILINE))
        self.seeds = set(re.findall(r"^seed=(\d+)", (source / "sim/seeds/regressions.txt").read_text(), re.MULTILINE))

    def missing(self, name):
        """None when `name` names something that exists; else what is wrong."""
        kind, _, rest = name.partition(" ")
        if kind == "exhaustive":
            ok = rest in self.searches
        elif kind == "mutant":
            ok = rest in self.mutants
        elif kind == "seed":
            ok = rest in self.seeds
        elif kind == "judge":
            ok = (self.source / f"sim/invariants/{rest}.h").exists()
        elif name.endswith(".txt") and "/" not in name:
            ok = (self.source / "tests/consensus/scripts" / name).exists()
        elif "/" in name:
            ok = (self.source / name).exists()
        else:
            ok = name in self.tests
        return None if ok else f"`{name}` does not exist"


def check(text, tree):
    """All that is wrong with the document, as sentences."""
    wrong = []
    rows = section(text, "Bugs of other engines")
    if [row[0] for row in rows] != [str(i + 1) for i in range(BUGS)]:
        wrong.append(f"the bugs are not numbered 1 to {BUGS}")
    for number, bug, answer in rows:
        if not 0 < len(bug.split()) <= 12:
            wrong.append(f"bug {number}: told in {len(bug.split())} words")
        names = re.findall(r"`([^`]+)`", answer)
        if not names:
            wrong.append(f"bug {number}: names nothing that shows it")
        wrong += [f"bug {number}: {problem}" for problem in map(tree.missing, names) if problem]
    features = section(text, "Features and the tests that need them")
    if not features:
        wrong.append("there is no feature table")
    for row in features:
        names = re.findall(r"`([^`]+)`", row[-1])
        if not names:
            wrong.append(f"feature '{row[0]}' names no test")
        wrong += [f"feature '{row[0]}': {problem}" for problem in map(tree.missing, names) if problem]
    return wrong


def selftest(tree):
    """The checker itself must notice what is wrong."""
    bad = "## Bugs of other engines\n| a | b | c |\n|---|---|---|\n| 1 | " + "word " * 13 + "| `no-such.txt` |\n| 3 | x | none |\n"
    found = "\n".join(check(bad, tree))
    expected = ("not numbered", "told in 13 words", "`no-such.txt` does not exist", "names nothing", "no feature table")
    return [f"the checker does not notice: {want}" for want in expected if want not in found]


def main():
    source = pathlib.Path(sys.argv[1])
    tree = Tree(source)
    wrong = selftest(tree) + check((source / "docs/CONSENSUS.md").read_text(), tree)
    for problem in wrong:
        print(problem)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
