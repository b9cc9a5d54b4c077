#!/usr/bin/env python3
"""How densely src/consensus states what must hold: check_assertions.py SOURCE_DIR LEAST_PER_100_LINES DIRECTORY...

Counts CHECKs per 100 lines of code (neither blank nor comment) in the .cc files of the directories. Fails below the least,
and when there is nothing to count.
"""

import pathlib
import re
import sys

CHECK = re.compile(r"\bCHECK(_[A-Z]{2})?\(")


def count(path):
    """(lines of code, CHECKs) of one file."""
    lines = [line.strip() for line in path.read_text().splitlines()]
    code = [line for line in lines if line and not line.startswith("//")]
    return len(code), sum(len(CHECK.findall(line)) for line in code)


def main():
    source, least, directories = pathlib.Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    failed = False
    for directory in directories:
        counts = {path.name: count(path) for path in sorted((source / directory).glob("*.cc"))}
        lines, checks = (sum(pair[i] for pair in counts.values()) for i in (0, 1))
        density = 100 * checks / lines if lines else 0
        print(f"{directory}: {checks} CHECKs in {lines} lines of code, {density:.1f} per 100 (at least {least})")
        if density < least:
            failed = True
            for name, (own_lines, own_checks) in sorted(counts.items(), key=lambda item: item[1][1] / max(1, item[1][0])):
                print(f"  {name:28} {own_checks:3} in {own_lines}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
