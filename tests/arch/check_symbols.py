"""Symbol test: what the object code of a pure layer asks of the outside. check_symbols.py ARCHIVE..."""

import re
import subprocess
import sys

import layers


def undefined_symbols(archive):
    """Demangled names that the archive's objects use and no object of it defines."""
    listing = subprocess.run(["nm", "--format=posix", archive], check=True, capture_output=True, text=True).stdout
    used, defined = set(), set()
    for line in listing.splitlines():
        parts = line.split()
        if len(parts) < 2 or line.endswith(":"):
            continue
        (used if parts[1] in "Uvw" else defined).add(parts[0].split("@")[0])
    names = "\n".join(sorted(used - defined))
    return subprocess.run(["c++filt"], input=names, check=True, capture_output=True, text=True).stdout.split("\n")


def offences(archive):
    """(symbol, what it reaches for) of every forbidden symbol."""
    for name in undefined_symbols(archive):
        for what, pattern in layers.IMPURE_SYMBOLS:
            if re.search(pattern, name):
                yield name, what


def main(archives):
    found = [f"{archive}: reaches for a {what}: {name}" for archive in archives for name, what in offences(archive)]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
