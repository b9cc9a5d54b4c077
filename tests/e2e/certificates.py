"""Authorities and certificates made with the openssl command, for one test."""

import os
import shutil
import subprocess

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Certificates:
    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)

    def file(self, name):
        return os.path.join(self.directory, name)

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)

    def authority(self, name, *extensions):
        more = [word for extension in extensions for word in ("-addext", extension)]
        self.run("req", "-x509", *KEY, "-days", "2", "-subj", f"/CN={name}", *more, "-keyout", f"{name}.key", "-out", f"{name}.crt")

    def issue(self, name, authority, names="DNS:localhost,IP:127.0.0.1", usage=None, days=2):
        """`usage`: what alone the certificate may be used for; negative `days`: it has expired."""
        with open(self.file(f"{name}.ext"), "w", encoding="utf-8") as extensions:
            extensions.write(f"subjectAltName={names}\n" + (f"extendedKeyUsage={usage}\n" if usage else ""))
        self.run("req", *KEY, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial",
                 "-days", str(days), "-extfile", f"{name}.ext", "-out", f"{name}.crt")

    def replace(self, name, by):
        """Puts other files in the place of a certificate and its key, each at once."""
        for kind in ("key", "crt"):
            shutil.copy(self.file(f"{by}.{kind}"), self.file(f"new.{kind}"))
            os.rename(self.file(f"new.{kind}"), self.file(f"{name}.{kind}"))
