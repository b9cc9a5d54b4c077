"""What packaging/ installs: the layout, configurations that load, a unit that names what is there, an archive that runs."""

import configparser
import glob
import json
import os
import subprocess
import tempfile
import unittest

from harness import databend_meta, make_archive, read

BUILD = os.environ["METASRV_BUILD"]
CMAKE = os.environ["METASRV_CMAKE"]


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="metasrv-e2e-")
        cls.root = cls.directory.name
        subprocess.run([CMAKE, "--install", BUILD, "--prefix", "/usr", "--component", "system"], check=True, capture_output=True,
                       env={**os.environ, "DESTDIR": cls.root})

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def config(self, path, *flags):
        result = databend_meta("-c", os.path.join(self.root, path), *flags, "--cmd", "show-config")
        self.assertEqual(0, result.returncode, result.stderr)
        return json.loads(result.stdout.removeprefix("config:\n"))

    def test_every_file_is_where_the_guides_expect_it(self):
        for path in ("usr/bin/databend-meta", "usr/bin/databend-metactl", "etc/databend/databend-meta.toml",
                     "etc/default/databend-meta", "lib/systemd/system/databend-meta.service",
                     "usr/lib/sysusers.d/databend-meta.conf", "usr/lib/tmpfiles.d/databend-meta.conf"):
            self.assertTrue(os.path.isfile(os.path.join(self.root, path)), path)
        self.assertTrue(os.access(os.path.join(self.root, "usr/bin/databend-meta"), os.X_OK))

    def test_the_unit_runs_the_installed_server_as_the_guides_say(self):
        unit = configparser.ConfigParser(interpolation=None)
        unit.optionxform = str
        unit.read(os.path.join(self.root, "lib/systemd/system/databend-meta.service"))
        service = unit["Service"]
        self.assertEqual("/usr/bin/databend-meta --config-file /etc/databend/databend-meta.toml", service["ExecStart"])
        self.assertEqual(("databend", "no", "-/etc/default/databend-meta"),
                         (service["User"], service["Restart"], service["EnvironmentFile"]))
        self.assertIn("kill -HUP", service["ExecReload"])
        owned = read(os.path.join(self.root, "usr/lib/tmpfiles.d/databend-meta.conf"))
        config = self.config("etc/databend/databend-meta.toml")
        for directory in (config["service"]["raft_config"]["raft_dir"], config["log"]["file"]["dir"]):
            self.assertIn(f"d {directory} 0750 databend databend\n", owned)

    def test_the_default_configuration_is_one_node_on_the_usual_ports(self):
        config = self.config("etc/databend/databend-meta.toml")
        raft = config["service"]["raft_config"]
        self.assertEqual(("0.0.0.0:28002", 9191, "localhost", 28004, 0, True, []),
                         (config["admin"]["api_address"], config["service"]["grpc"]["listen_port"],
                          config["service"]["grpc"]["advertise_host"], raft["raft_api_port"], raft["id"], raft["single"],
                          raft["join"]))
        self.assertEqual(("WARN", "text", "/var/log/databend"),
                         tuple(config["log"]["file"][key] for key in ("level", "format", "dir")))

    def test_the_examples_are_three_nodes_of_one_cluster(self):
        files = sorted(glob.glob(os.path.join(self.root, "usr/share/doc/databend-meta/examples/*.toml")))
        nodes = [self.config(path)["service"]["raft_config"] for path in files]
        self.assertEqual([(1, True, []), (2, False, ["meta-1:28004"]), (3, False, ["meta-1:28004"])],
                         [(node["id"], node["single"], node["join"]) for node in nodes])
        self.assertEqual(["meta-1", "meta-2", "meta-3"], [node["raft_advertise_host"] for node in nodes])
        self.assertEqual(1, len({node["cluster_name"] for node in nodes}))


class Archive(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory(prefix="metasrv-e2e-")
        cls.archive = make_archive(cls.place.name)
        cls.directory = os.path.join(cls.place.name, "databend")
        os.mkdir(cls.directory)
        subprocess.run(["tar", "xzf", cls.archive], check=True, cwd=cls.directory)

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def test_the_archive_holds_programs_that_need_nothing_of_the_machine(self):
        self.assertRegex(self.archive, r"/databend-v[^/]+-unknown-linux-musl\.tar\.gz\Z")
        programs = [entry.path for entry in os.scandir(self.directory) if entry.is_file() and os.access(entry.path, os.X_OK)]
        self.assertLessEqual({"databend-meta", "databend-metactl"}, {os.path.basename(program) for program in programs})
        for program in programs:
            headers = subprocess.run(["readelf", "--wide", "--program-headers", "--dynamic", program], capture_output=True, text=True,
                                     check=True).stdout
            self.assertIn("DYNAMIC", headers)
            self.assertNotIn("INTERP", headers, f"{program} asks for a loader")
            self.assertNotIn("(NEEDED)", headers, f"{program} asks for a shared library")
            version = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
            self.assertEqual((0, ""), (version.returncode, version.stderr))

    def test_the_archive_brings_the_license_of_every_library_that_is_in_it(self):
        self.assertLessEqual({"libc6-dev", "libstdc++-12-dev", "libgrpc-dev", "librocksdb-dev", "libssl-dev", "libspdlog-dev",
                              "libsimdjson-dev", "prometheus-cpp-dev", "libcpp-httplib-dev"},
                             set(os.listdir(os.path.join(self.directory, "licenses"))))


if __name__ == "__main__":
    unittest.main(verbosity=2)
