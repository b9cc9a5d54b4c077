#!/usr/bin/env python3
"""House rules that a compiler does not know. Prints every breach; exits 1 if there is one. Reads only."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# (where, what, what to do instead). `where` and `what` are regular expressions on the path and on a line of code.
PURE = r"^(src/(common|consensus|sm|node|io/sim)/|src/io/[^/]*$|sim/(?!cli/|main\.cc))"
BANNED = [
    (PURE, r"\bstd::(unordered_map|unordered_set)<[^>]*\*", "no pointer is ever a key: its order differs from run to run"),
    (PURE, r"for \(.*: \w*unordered", "no iteration over unordered containers: the order differs between libraries"),
    (r"^(src/(common|consensus|sm|node|io)/|sim/)", r"\bstd::(uniform|normal|bernoulli|poisson)\w*distribution|\bstd::mt19937|\bstd::shuffle",
     "use common/prng.h: the standard distributions differ between libraries"),
    (PURE, r"\b(getenv|std::this_thread|std::thread|std::random_device|system_clock|steady_clock|sleep_for)\b",
     "time, randomness and threads are arguments here"),
    (r"^src/(common|consensus|sm|node)/", r"\b(throw|try|catch) ?[({]|\bthrow\b", "errors are values below the edge"),
    (r"^src/(common|consensus|sm|node)/", r"[Ss]imulated\(\)|is_simul|kSimulat", "production code does not ask which world it is in"),
    (r"\.h$", r"^using namespace", "no using namespace in headers"),
    (r"^(src|sim|tests)/", r"\bassert\(", "use CHECK: it is always on"),
    (r"^tests/", r"sleep_for|sleep_until|\busleep\(|DISABLED_|GTEST_SKIP", "no sleeps and no disabled tests"),
    (r"", r"\b(TODO|FIXME|XXX)\b", "finish it, or write an issue"),
]


def tracked(*patterns):
    listing = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for path in listing.stdout.splitlines() if os.path.exists(os.path.join(ROOT, path))]


def lines_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as text:
        return text.read().split("\n")


def without_comment(line):
    return line.split("//")[0]


def banned_tokens(path, lines):
    for where, what, instead in BANNED:
        if not re.search(where, path):
            continue
        for number, line in enumerate(lines, 1):
            if re.search(what, line if "TODO" in what else without_comment(line)):
                yield f"{path}:{number}: {line.strip()[:80]}\n    {instead}"


def long_file(path, lines):
    if len(lines) > FILE_LINES_MAX + 1:
        yield f"{path}: {len(lines) - 1} lines, at most {FILE_LINES_MAX}: split the state, then the file"


def long_functions(path, lines):
    """A function's body, as clang-format lays it out: opens at the end of an unindented line, closes with a lone brace."""
    start = None
    for number, line in enumerate(lines, 1):
        if start is None and re.match(r"[A-Za-z\[~].*[^=] \{$", line) and not re.match(r"(namespace|class|struct|enum|union|extern)\b", line):
            start = number
        elif start is None and re.match(r"    .*\{$", line) and number > 1 and re.match(r"[A-Za-z~].*[,(]$", lines[number - 2]):
            start = number - 1
        elif start is not None and line.startswith("}"):
            if number - start > FUNCTION_LINES_MAX:
                yield f"{path}:{start}: function of {number - start} lines, at most {FUNCTION_LINES_MAX}"
            start = None


def directories_without_readme(sources):
    for directory in sorted({os.path.dirname(path) for path in sources}):
        documented = directory
        while documented and not os.path.exists(os.path.join(ROOT, documented, "README.md")):
            documented = os.path.dirname(documented)
            if documented in ("", "src"):
                yield f"{directory}: no README.md"
                break


def unregistered_tests():
    for path in tracked("tests/**/*_test.cc", "tests/*_test.cc"):
        directory = os.path.dirname(path)
        lists = ""
        while directory:
            candidate = os.path.join(directory, "CMakeLists.txt")
            if os.path.exists(os.path.join(ROOT, candidate)):
                lists += "\n".join(lines_of(candidate))
            directory = os.path.dirname(directory)
        if os.path.basename(path) not in lists and "GLOB" not in lists:
            yield f"{path}: not registered in a CMakeLists.txt"


def main():
    breaches = []
    sources = tracked("*.cc", "*.h")
    for path in sources:
        lines = lines_of(path)
        if path.startswith("tests/arch/fixtures/"):
            continue
        breaches += banned_tokens(path, lines)
        breaches += long_file(path, lines)
        breaches += long_functions(path, lines)
    breaches += directories_without_readme(sources)
    breaches += unregistered_tests()
    print("\n".join(breaches))
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
