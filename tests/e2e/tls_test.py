"""TLS on all ports: real processes with real certificates that form a cluster, and those that must not get in."""

import contextlib
import glob
import http.client
import json
import os
import re
import socket
import ssl
import unittest

from certificates import Certificates
from harness import ClusterTest, Node, databend_meta, metactl, read, wait_for

CLIENT_PORT = """
grpc_tls_server_cert = "{crt}"
grpc_tls_server_key = "{key}"
grpc_tls_client_ca = "{ca}"
"""
ADMIN_PORT = """
admin_tls_server_cert = "{crt}"
admin_tls_server_key = "{key}"
admin_tls_client_ca = "{ca}"
"""
RAFT_PORT = """
raft_tls_cert = "{crt}"
raft_tls_key = "{key}"
raft_tls_ca = "{ca}"
"""
ADDRESSES = """
log_dir = "./_logs{id}"
admin_api_address = "127.0.0.1:{admin}"
grpc_api_address = "127.0.0.1:{grpc}"
grpc_api_advertise_host = "127.0.0.1"
"""
RAFT = """
[raft_config]
id = {id}
raft_dir = "./_meta{id}"
raft_api_port = {raft}
raft_listen_host = "127.0.0.1"
raft_advertise_host = "localhost"
"""


def template(top="", raft=""):
    return ADDRESSES + top + RAFT + raft


class SecureNode(Node):
    """A node whose admin port is spoken to with TLS, and the tools' environment to go with it."""

    tls = None  # of Python's HTTP client; None: plain text
    env = None  # of databend-metactl

    def admin_connection(self):
        if self.tls is None:
            return super().admin_connection()
        return http.client.HTTPSConnection("127.0.0.1", self.admin, timeout=5, context=self.tls)

    def ctl(self, command, *arguments):
        return metactl(command, "--grpc-api-address", self.grpc_address, *arguments, env=self.env)

    def admin_ctl(self, command, *arguments, address=None, env=None):
        address = address or f"https://{self.admin_address}"
        return metactl(command, "--admin-api-address", address, *arguments, env=env or self.env)


class Secure(ClusterTest):
    def setUp(self):
        super().setUp()
        self.certificates = Certificates(self.path("certificates"))
        self.certificates.authority("ca")
        self.certificates.authority("other")
        self.certificates.issue("node", "ca")
        self.certificates.issue("client", "ca")
        self.certificates.issue("stranger", "other")

    def files(self, text, name="node", authority="ca"):
        return text.format(crt=self.certificates.file(f"{name}.crt"), key=self.certificates.file(f"{name}.key"),
                           ca=self.certificates.file(f"{authority}.crt"))

    def context(self, name=None, authority="ca"):
        context = ssl.create_default_context(cafile=self.certificates.file(f"{authority}.crt"))
        if name:
            context.load_cert_chain(self.certificates.file(f"{name}.crt"), self.certificates.file(f"{name}.key"))
        return context

    def environment(self, name=None, authority="ca"):
        tls = {"METACTL_TLS_CA": self.certificates.file(f"{authority}.crt")}
        if name:
            tls.update(METACTL_TLS_CERT=self.certificates.file(f"{name}.crt"), METACTL_TLS_KEY=self.certificates.file(f"{name}.key"))
        return {**os.environ, **tls}

    def everywhere(self, name="node"):
        """A configuration with mutual TLS on all three ports."""
        return template(self.files(CLIENT_PORT, name) + self.files(ADMIN_PORT, name), self.files(RAFT_PORT, name))

    def secure_node(self, node_id, via=None, text=None, client="client", **options):
        node = SecureNode(self.directory, node_id, template=text or self.everywhere(), single=via is None,
                          join=[f"localhost:{via.raft}"] if via else (), **options)
        if client:
            node.tls, node.env = self.context(client), self.environment(client)
        self.nodes.append(node)
        return node

    def refused(self, node, *flags):
        """What a node says that ends by itself."""
        node.start(*flags)
        self.assertEqual(1, node.process.wait(timeout=60), node.output())
        return node.output()

    def raft_serial(self, node):
        """The serial number of the certificate that the raft port shows."""
        context = self.context("client")
        context.set_alpn_protocols(["h2"])
        with socket.create_connection(("127.0.0.1", node.raft), timeout=5) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                return connection.getpeercert()["serialNumber"]


class SecureCluster(Secure):
    def expect_on_all(self, nodes, key, value):
        for node in nodes:
            wait_for(f"{key} on node {node.id}", lambda node=node: node.get(key) == value)

    def leave(self, node, via, *flags):
        return databend_meta("--leave-id", str(node.id), "--leave-via", f"localhost:{via.raft}", *flags)

    def raft_flags(self, name):
        return ("--raft-tls-cert", self.certificates.file(f"{name}.crt"), "--raft-tls-key", self.certificates.file(f"{name}.key"),
                "--raft-tls-ca", self.certificates.file("ca.crt"))

    def test_a_cluster_with_tls_on_all_ports_forms_serves_moves_restarts_and_shrinks(self):
        first = self.secure_node(1).start().wait_started()
        nodes = [first] + [self.secure_node(node_id, via=first).start() for node_id in (2, 3)]
        for node in nodes:
            node.wait_started()
        leader = self.wait_for_leader(nodes)
        for node in nodes:
            self.assertTrue(node.put(f"from{node.id}", "v"), "writes at any node are passed on over TLS")
        for node in nodes:
            self.expect_on_all(nodes, f"from{node.id}", b"v")

        to = next(node for node in nodes if node != leader)
        moved = leader.admin_ctl("transfer-leader", "--to", str(to.id))
        self.assertEqual(0, moved.returncode, moved.stderr)
        wait_for("the new leader", lambda: {node.leader_id() for node in nodes} == {to.id})

        for node in nodes:  # one by one, then the whole cluster
            self.assertEqual(0, node.stop())
            node.start().wait_started()
        for node in nodes:
            self.assertEqual(0, node.stop())
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_started()
        leader = self.wait_for_leader(nodes)
        self.assertTrue(leader.put("again", "w"))
        self.expect_on_all(nodes, "again", b"w")

        follower = next(node for node in nodes if node != leader)
        without = self.leave(follower, leader)
        self.assertEqual(1, without.returncode)
        self.assertIn("this one needs `raft_tls_cert`", without.stderr)
        self.assertNotEqual(0, self.leave(follower, leader, *self.raft_flags("stranger")[:4], "--raft-tls-ca",
                                          self.certificates.file("other.crt")).returncode)
        left = self.leave(follower, leader, *self.raft_flags("client"))
        self.assertEqual(0, left.returncode, left.stderr)
        wait_for("two voters", lambda: len(leader.cluster_status().get("voters", [])) == 2)
        self.assertTrue(leader.put("still", "x"))

    def test_who_has_no_certificate_of_the_authority_does_not_get_in_and_is_told_why(self):
        first = self.secure_node(1).start().wait_started()
        plain = self.secure_node(2, via=first, text=template(), client=None)
        self.expect_no_answer(plain, first, "this one needs `raft_tls_cert`, `raft_tls_key` and `raft_tls_ca`")
        stranger = self.secure_node(3, via=first, client=None, text=template(raft=self.files(RAFT_PORT, "stranger", "other")))
        self.expect_no_answer(stranger, first, r"none of the authorities in .*other\.crt \(`raft_tls_ca`\) vouches")
        # Whoever trusts the cluster's authority, but is not trusted by it.
        self.certificates.authority("self", "subjectAltName=DNS:localhost")
        with open(self.certificates.file("both.crt"), "w", encoding="utf-8") as both:
            both.write("".join(read(self.certificates.file(f"{name}.crt")) for name in ("ca", "self")))
        forger = self.secure_node(4, via=first, client=None, text=template(raft=self.files(RAFT_PORT, "self", "both")))
        self.expect_no_answer(forger, first, r"does that node refuse the certificate .*self\.crt")
        self.certificates.issue("shared", "ca", names="DNS:meta.internal")
        text = template(raft=self.files(RAFT_PORT, "shared") + 'raft_tls_domain = "meta.internal"\n')
        misnamed = self.secure_node(5, via=first, client=None, text=text)
        self.expect_no_answer(misnamed, first, r"certificate is not for meta\.internal \(`raft_tls_domain`\)")
        self.assertEqual([1], [int(member["name"]) for member in first.cluster_status()["voters"]])
        self.assertTrue(first.put("k", "v"))

    def expect_no_answer(self, node, asked, remedy):
        self.assertRegex(self.refused(node), f"no answer from localhost:{asked.raft}: .*{remedy}")

    def test_a_node_with_tls_does_not_talk_to_one_without(self):
        first = self.secure_node(1, text=template(), client=None).start().wait_started()
        second = self.secure_node(2, via=first, client=None, text=template(raft=self.files(RAFT_PORT)))
        self.expect_no_answer(second, first, "that node has no TLS between nodes")
        self.assertTrue(first.put("k", "v"))

    def test_clients_without_tls_are_refused_and_harm_nobody(self):
        node = self.secure_node(1).start().wait_started()
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)
        for port in [node.grpc, node.admin] + [node.raft] * 20:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(preface)
                with contextlib.suppress(ConnectionError):
                    while answer := connection.recv(1000):
                        self.assertEqual(0x15, answer[0], "an alert of TLS at most")
        self.assertNotEqual(0, metactl("status", "--grpc-api-address", node.grpc_address).returncode)
        self.assertTrue(node.put("k", "v"))
        (log,) = glob.glob(self.path("_logs1/*"))
        complaints = wait_for("a line about it", lambda: read(log).count("wrong version number"))
        self.assertLess(complaints, 5, "the same again and again is said once in ten seconds")

    def test_one_name_for_all_certificates_does_when_every_node_expects_it(self):
        self.certificates.issue("shared", "ca", names="DNS:meta.internal")
        text = template(raft=self.files(RAFT_PORT, "shared") + 'raft_tls_domain = "meta.internal"\n')
        first = self.secure_node(1, text=text, client=None).start().wait_started()
        second = self.secure_node(2, via=first, text=text, client=None).start().wait_started()
        self.assertTrue(second.put("k", "v"))
        self.assertNotEqual(0, self.leave(second, first, *self.raft_flags("client")).returncode, "that is not its name")
        left = self.leave(second, first, *self.raft_flags("client"), "--raft-tls-domain", "meta.internal")
        self.assertEqual(0, left.returncode, left.stderr)

    def test_tls_between_nodes_is_turned_on_and_off_again_without_a_moment_without_service(self):
        optional = self.files(RAFT_PORT) + "raft_tls_optional = true\n"
        first = self.secure_node(1, text=template(), client=None).start().wait_started()
        nodes = [first] + [self.secure_node(node_id, via=first, text=template(), client=None).start() for node_id in (2, 3)]
        for node in nodes:
            node.wait_started()
        wait_for("three voters", lambda: len(first.cluster_status().get("voters", [])) == 3)
        plain = {node: read(node.config) for node in nodes}
        for number, settings in enumerate((optional, self.files(RAFT_PORT), optional, "")):
            for node in nodes:  # one after the other
                self.assertEqual(0, node.stop())
                others = [other for other in nodes if other != node]
                self.assertTrue(all(other.put(f"{number}/without/{node.id}", "v") for other in others))
                with open(node.config, "w", encoding="utf-8") as config:
                    config.write(plain[node] + settings)
                node.start().wait_started()
                self.assertTrue(all(other.put(f"{number}/with/{node.id}", "v") for other in nodes))
            self.expect_on_all(nodes, f"{number}/with/3", b"v")

    def test_while_tls_is_optional_nodes_without_may_join_and_later_not(self):
        text = template(raft=self.files(RAFT_PORT) + "raft_tls_optional = true\n")
        first = self.secure_node(1, text=text, client=None).start().wait_started()
        self.assertTrue(self.raft_serial(first))
        with contextlib.ExitStack() as silent:  # they are in nobody's way
            for _ in range(300):
                silent.enter_context(socket.create_connection(("127.0.0.1", first.raft)))
            self.assertTrue(self.raft_serial(first))
        second = self.secure_node(2, via=first, text=template(), client=None).start().wait_started()
        self.assertTrue(second.put("k", "v"))
        self.assertEqual(0, self.leave(second, first).returncode)

    def test_a_replaced_certificate_counts_for_new_connections_without_a_restart(self):
        node = self.secure_node(1).start().wait_started()
        old = self.raft_serial(node)
        self.assertEqual(200, node.http("/v1/health")[0])
        self.certificates.issue("renewed", "ca")
        self.certificates.replace("node", by="renewed")
        wait_for("the raft port to show the new one", lambda: self.raft_serial(node) != old)


class Admin(Secure):
    def test_the_tool_and_others_speak_https_to_the_admin_port(self):
        node = self.secure_node(1).start().wait_started()
        self.assertEqual(200, node.http("/v1/health")[0])
        for command, expected in (("metrics", "metasrv_"), ("trigger-snapshot", "triggered snapshot successfully"), ("list-features", "{")):
            done = node.admin_ctl(command)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertIn(expected, done.stdout)
        script = f'local status, err = metactl.new_admin_client("https://{node.admin_address}"):status()\nprint(status.id, err)'
        self.assertEqual("1\tnil\n", metactl("lua", "--script", script, env=node.env).stdout)

    def test_the_tool_says_why_it_is_not_served(self):
        node = self.secure_node(1).start().wait_started()

        def complaint(address=None, env=None):
            refused = node.admin_ctl("metrics", address=address, env=env)
            self.assertEqual(1, refused.returncode)
            return refused.stderr

        self.assertIn("address begins with https://", complaint(address=node.admin_address))
        self.assertIn("certificate is refused: unable to get local issuer certificate", complaint(env=dict(os.environ)))
        self.assertIn("METACTL_TLS_CERT and METACTL_TLS_KEY name one", complaint(env=self.environment()))
        stranger = {**self.environment("stranger"), "METACTL_TLS_CA": self.certificates.file("ca.crt")}
        self.assertIn("does the port refuse the certificate", complaint(env=stranger))
        self.assertIn("/no/such.crt", complaint(env={**self.environment(), "METACTL_TLS_CA": "/no/such.crt"}))
        wrong_name = {**node.env, "METACTL_TLS_DOMAIN": "somebody.else"}
        self.assertIn("certificate is refused: hostname mismatch", complaint(env=wrong_name))
        self.assertEqual(0, node.admin_ctl("metrics", env={**node.env, "METACTL_TLS_DOMAIN": "localhost"}).returncode)

    def test_without_an_authority_for_clients_anyone_who_trusts_the_server_is_served(self):
        self.certificates.issue("admin", "ca")
        text = template("\n".join(line for line in self.files(ADMIN_PORT, "admin").splitlines() if "client_ca" not in line))
        node = self.secure_node(1, text=text)
        node.tls, node.env = self.context(), self.environment()
        node.start().wait_started()
        self.assertEqual(200, node.http("/v1/health")[0])
        self.assertEqual(0, node.admin_ctl("metrics").returncode)
        self.certificates.issue("renewed", "other")
        self.certificates.replace("admin", by="renewed")
        self.assertEqual(0, node.http("/v1/health")[0], "the next connection gets the new certificate")
        node.tls = self.context(authority="other")
        self.assertEqual(200, node.http("/v1/health")[0])


class Mistakes(Secure):
    def complaint(self, raft="", top=""):
        node = self.secure_node(len(self.nodes) + 1, text=template(top, raft), client=None)
        return re.search(r"^Error: (.*)$", self.refused(node), re.MULTILINE).group(1)

    def test_a_configuration_that_can_not_work_ends_the_start_and_names_file_and_remedy(self):
        issue = self.certificates.issue
        issue("elsewhere", "ca", names="DNS:elsewhere")
        issue("server-only", "ca", usage="serverAuth")
        issue("client-only", "ca", usage="clientAuth")
        issue("expired", "ca", days=-1)
        for name, reason in {
                "missing": "cannot read .*missing.crt: No such file",
                "elsewhere": "elsewhere.crt is not for the name localhost.*raft_advertise_host.*raft_tls_domain",
                "server-only": "server-only.crt is not valid for a client .*: unsuitable certificate purpose",
                "client-only": "client-only.crt is not valid for a server .*: unsuitable certificate purpose",
                "expired": "expired.crt is not valid .*: certificate has expired",
                "stranger": "stranger.crt is not valid .*ca.crt: unable to get local issuer certificate"}.items():
            with self.subTest(name):
                self.assertRegex(self.complaint(self.files(RAFT_PORT, name)), f"^raft TLS: .*{reason}")
        mixed = self.files(RAFT_PORT).replace("node.key", "client.key")
        self.assertRegex(self.complaint(mixed), "client.key does not belong to the certificate .*node.crt")
        half = "\n".join(self.files(RAFT_PORT).splitlines()[:-1]) + "\n"
        self.assertIn("`raft_tls_cert` is set but `raft_tls_ca` is not", self.complaint(half))
        self.assertIn("which `raft_tls_domain` demands", self.complaint(self.files(RAFT_PORT) + 'raft_tls_domain = "meta.internal"\n'))
        self.assertRegex(self.complaint(top=self.files(ADMIN_PORT, "missing")), "http server: TLS: cannot read .*missing.crt")
        self.assertRegex(self.complaint(top=f'admin_tls_client_ca = "{self.certificates.file("ca.crt")}"'), "`admin_tls_client_ca` needs")


if __name__ == "__main__":
    unittest.main()
