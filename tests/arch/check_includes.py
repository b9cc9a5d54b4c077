"""Include test: what the compiler really read for each layer, from its own dependency information.

check_includes.py SOURCE_DIR BUILD_DIR LAYER TARGET    one layer
"""

import os
import re
import subprocess
import sys

import layers


def dependencies(build_dir, target):
    """Object file of `target` -> paths of everything the compiler read for it."""
    # -n: the log is only read, never compacted, so that this may run beside a build.
    listing = subprocess.run(["ninja", "-n", "-C", build_dir, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    result, current = {}, None
    for line in listing.splitlines():
        if line.startswith("    "):
            if current is not None:
                current.append(os.path.normpath(os.path.join(build_dir, line.strip())))
        elif ": #deps" in line:
            name = line.split(": #deps")[0]
            current = result.setdefault(name, []) if f"/{target}.dir/" in "/" + name else None
    return {name: files for name, files in result.items() if os.path.exists(os.path.join(build_dir, name))}


def offence(path, source_dir, build_dir, allowed, families):
    """Why `path` may not be read by this layer, or None."""
    for root in (build_dir, source_dir):
        if path.startswith(root + os.sep):
            own = os.path.relpath(path, root)
            if own.endswith(".cc") or any(re.match(pattern, own) for pattern in allowed):
                return None
            return f"header of another layer: {own}"
    for family, pattern in layers.THIRD_PARTY.items():
        if family not in families and re.search(pattern, path):
            # gRPC's and protobuf's own headers may pull in what they are made of.
            if family == "absl" and "protobuf" in families:
                continue
            return f"third-party header ({family}): {path}"
    return None


def impure_includes(layer, files, source_dir):
    """Own files of a pure layer that name a header of the outside world."""
    for path in sorted(set(files)):
        if not path.startswith(source_dir + os.sep) or not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                if layers.IMPURE_HEADERS.match(line):
                    yield f"{os.path.relpath(path, source_dir)}:{number}: {layer} names the outside world: {line.strip()}"


def first_include_is_own_header(source_dir, source):
    """x.cc must read x.h first: that compiles every such header alone."""
    header = source[:-3] + ".h"
    if not os.path.exists(header):
        return None
    with open(source, encoding="utf-8") as text:
        for line in text:
            if line.startswith("#include"):
                wanted = os.path.basename(header)
                if line.split('"')[1:2] and line.split('"')[1].endswith(wanted):
                    return None
                return f"{os.path.relpath(source, source_dir)}: must include its own {wanted} first"
    return None


def check(source_dir, build_dir, layer, target):
    allowed, families = layers.LAYERS[layer]
    objects = dependencies(build_dir, target)
    if not objects:
        return [f"no dependency information for {target}: not built with Ninja?"]
    problems = set()
    everything = []
    for name, files in objects.items():
        everything += files
        for path in files:
            why = offence(path, source_dir, build_dir, allowed, families)
            if why:
                problems.add(f"{name}: {why}")
            if path.endswith(".cc"):
                problems.add(first_include_is_own_header(source_dir, path))
    if layer in layers.PURE:
        problems.update(impure_includes(layer, everything, source_dir))
    return sorted(problem for problem in problems if problem)


if __name__ == "__main__":
    found = check(os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2]), sys.argv[3], sys.argv[4])
    print("\n".join(found))
    sys.exit(1 if found else 0)
