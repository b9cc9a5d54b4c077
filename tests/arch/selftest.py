"""The three layer tests must fail when they should. selftest.py SOURCE BUILD COMPILER BAD_SYMBOLS BAD_LINK COMMON"""

import os
import subprocess
import sys
import tempfile
import unittest

import check_includes
import check_symbols
import layers

SOURCE, BUILD, COMPILER, BAD_SYMBOLS, BAD_LINK, COMMON = sys.argv[1:7]


class ArchitectureTests(unittest.TestCase):
    def test_symbol_test_finds_every_kind_of_outside_world(self):
        found = "\n".join(what for _, what in check_symbols.offences(BAD_SYMBOLS))
        for what in ("clock", "random device", "thread", "socket", "file", "environment"):
            self.assertIn(what, found)

    def test_symbol_test_accepts_a_pure_layer(self):
        self.assertEqual([], list(check_symbols.offences(COMMON)))

    def test_include_test_finds_third_party_and_foreign_and_impure_headers(self):
        found = "\n".join(check_includes.check(SOURCE, BUILD, "common", "arch_bad_include"))
        self.assertIn("third-party header (rocksdb)", found)
        self.assertIn("header of another layer: src/sm/store.h", found)
        self.assertIn("names the outside world: #include <thread>", found)

    def test_include_test_refuses_a_target_without_dependency_information(self):
        self.assertIn("no dependency information", check_includes.check(SOURCE, BUILD, "common", "no_such_target")[0])

    def test_link_test_fails_on_an_undeclared_library(self):
        with tempfile.TemporaryDirectory() as directory:
            main = os.path.join(SOURCE, "tests/arch/fixtures/empty_main.cc")
            link = subprocess.run(
                [COMPILER, main, "-Wl,--whole-archive", BAD_LINK, "-Wl,--no-whole-archive", COMMON,
                 "-o", os.path.join(directory, "program")], capture_output=True, text=True)
        self.assertNotEqual(0, link.returncode)
        self.assertIn("rocksdb", link.stderr)

    def test_assertion_count_fails_where_nothing_is_asserted(self):
        script = [sys.executable, "check_assertions.py", SOURCE, "4"]
        self.assertNotEqual(0, subprocess.run(script + ["tests/arch/fixtures"], capture_output=True).returncode)
        self.assertNotEqual(0, subprocess.run(script + ["no/such/directory"], capture_output=True).returncode)

    def test_every_layer_of_the_table_exists(self):
        for layer in layers.PURE:
            self.assertIn(layer, layers.LAYERS)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
