"""The admin server over TLS: curl and Python's ssl, client certificates, versions, ciphers and curves, renewed files,
and a reload that swaps the certificate while the listener stays."""
import os
import signal
import socket
import ssl
import subprocess

from harness import Stack, check, need, wait_for

BLOCK = """
http {{
  tls {{
    cert_file = "{cert}"
    key_file = "{key}"
{more}
  }}
}}
collector.store "kept" {{ }}
"""


def run(*argv, **kw):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, **kw)


class Authority:
    def __init__(self, folder, name):
        self.folder = folder
        self.cert, self.key = self.path(name + "-ca.pem"), self.path(name + "-ca.key")
        self.ok("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout",
                self.key, "-out", self.cert)

    def path(self, name):
        return os.path.join(self.folder, name)

    def ok(self, *args):
        done = run(need("openssl"), *args)
        check(done.returncode == 0, "openssl " + args[0] + done.stderr)

    def issue(self, name, use, common_name="localhost"):
        cert, key, csr, ext = (self.path(name + e) for e in (".pem", ".key", ".csr", ".ext"))
        self.ok("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={common_name}", "-keyout", key, "-out", csr)
        with open(ext, "w") as f:
            f.write(f"subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage={use}\n")
        self.ok("x509", "-req", "-in", csr, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                "-extfile", ext, "-out", cert)
        return cert, key


def main():
    with Stack() as stack:
        ca, stranger = Authority(stack.folder, "good"), Authority(stack.folder, "stranger")
        first, second = ca.issue("first", "serverAuth", "first"), ca.issue("second", "serverAuth", "second")
        client = ca.issue("client", "clientAuth")
        foreign = stranger.issue("foreign", "clientAuth")
        config = BLOCK.format(cert=first[0], key=first[1], more="")
        ours = stack.collector(config, ready=False)

        def curl(*args, path="/-/ready"):
            return run(need("curl"), "-sS", "--cacert", ca.cert, *args, f"https://127.0.0.1:{ours.port}{path}")

        def context(pair=None, **settings):
            made = ssl.create_default_context(cafile=ca.cert)
            if pair:
                made.load_cert_chain(*pair)
            for name, value in settings.items():
                setattr(made, name, value)
            return made

        def talk(made):
            """The peer's name, the protocol and cipher; the answer must be readable."""
            with socket.create_connection(("127.0.0.1", ours.port), timeout=20) as plain:
                with made.wrap_socket(plain, server_hostname="localhost") as s:
                    name = dict(x[0] for x in s.getpeercert()["subject"])["commonName"]
                    shown = name, s.version(), s.cipher()[0]
                    s.sendall(b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    answer = b""
                    while part := s.recv(4096):
                        answer += part
                    if not answer:
                        raise ConnectionError("the connection ended without an answer")
                    check(answer.startswith(b"HTTP/1.1 200"), f"answer {answer!r}")
                    return shown

        def refused(made):
            try:
                talk(made)
            except (OSError, AssertionError):
                return True
            return False

        def reload(more, until, pair=second):
            with open(ours.config, "w") as f:
                f.write(BLOCK.format(cert=pair[0], key=pair[1], more=more))
            ours.process.send_signal(signal.SIGHUP)
            wait_for("reload", until)

        def shown(name=None, version=None, cipher=None, using=None):
            want = (name, version, cipher)
            return lambda: all(w in (None, g) for w, g in zip(want, talk(using or context())))

        wait_for("TLS", lambda: curl().stdout == "ready\n")
        check("https://127.0.0.1" in ours.output(), "the log names https")
        check(talk(context())[0] == "first", "the first certificate")
        check(talk(context())[1] == "TLSv1.3", "TLS 1.3 by default")
        plain = run(need("curl"), "-sS", f"http://127.0.0.1:{ours.port}/-/ready")
        check(plain.returncode != 0, "in the clear there is nothing")
        check(run(need("curl"), "-sS", f"https://127.0.0.1:{ours.port}/-/ready").returncode == 60, "unknown authority")
        check(refused(context(maximum_version=ssl.TLSVersion.TLSv1_1)), "TLS 1.1 is refused by default")
        print("PASS server certificate")

        # A connection that stays open over the reload, and the listener with it.
        kept = context().wrap_socket(socket.create_connection(("127.0.0.1", ours.port)), server_hostname="localhost")
        reload("", shown("second"))
        kept.sendall(b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        check(kept.recv(4096).startswith(b"HTTP/1.1 200"), "the connection from before goes on")
        print("PASS reload swaps certificates")

        # Renewed files without a reload; while they are broken what they held before goes on.
        for at, source in zip(second, first):
            with open(source) as f, open(at + ".new", "w") as g:
                g.write(f.read())
        saved = [open(p).read() for p in second]
        with open(second[0], "w") as f:
            f.write("not a certificate")
        check(talk(context())[0] == "second", "the old one while the file is broken")
        for at in second:
            os.replace(at + ".new", at)
        check(talk(context())[0] == "first", "a renewed file is served")
        for at, text in zip(second, saved):
            with open(at, "w") as f:
                f.write(text)
        print("PASS renewed files")

        ca_line = f'    client_ca_file = "{ca.cert}"\n    client_auth_type = "{{}}"'
        reload(ca_line.format("RequireAndVerifyClientCert"), lambda: refused(context()))
        check(refused(context(foreign)), "a stranger's certificate")
        check(talk(context(client))[0] == "second", "a good certificate")
        check(curl().returncode != 0, "curl without one")
        check(curl("--cert", client[0], "--key", client[1]).stdout == "ready\n", "curl with one")
        reload(ca_line.format("VerifyClientCertIfGiven"), shown())
        check(refused(context(foreign)), "a stranger's is not")
        check(talk(context(client)), "a good one is")
        reload('    client_auth_type = "RequireAnyClientCert"', lambda: refused(context()))
        check(talk(context(foreign)), "any will do")
        reload('    client_auth_type = "RequestClientCert"', shown())
        check(talk(context()) and talk(context(foreign)), "none and any will do")
        print("PASS client certificates")

        reload('    max_version = "TLS12"\n    cipher_suites = ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]',
               shown("second", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384"))
        only = context()
        only.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
        check(refused(only), "another cipher")
        reload('    min_version = "TLS13"\n    cipher_suites = ["TLS_CHACHA20_POLY1305_SHA256"]',
               shown("second", "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"))
        check(refused(context(maximum_version=ssl.TLSVersion.TLSv1_2)), "TLS 1.2 is too old")

        def s_client(*args):
            return run(need("openssl"), "s_client", "-connect", f"127.0.0.1:{ours.port}", "-CAfile", ca.cert, *args,
                       input="").stdout

        reload('    min_version = "TLS10"\n    max_version = "TLS11"', lambda: "New, TLSv1.0, Cipher is ECDHE"
               in s_client("-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"))
        reload('    curve_preferences = ["CurveP384"]', lambda: "Server Temp Key: ECDH, secp384r1" in s_client())
        print("PASS versions, ciphers, curves")

        # A block that cannot be served lets nobody in rather than serving as before.
        reload(ca_line.format("RequireAndVerifyClientCert"), lambda: refused(context(client)),
               pair=(second[0], "/nonexistent/key.pem"))
        check(refused(context()), "nobody gets in")
        reload("", shown("second"))
        with open(ours.config, "w") as f:
            f.write('collector.store "kept" { }\n')
        ours.process.send_signal(signal.SIGHUP)
        wait_for("in the clear", lambda: run(need("curl"), "-sS", f"http://127.0.0.1:{ours.port}/-/ready").stdout
                 == "ready\n")
        print("PASS mistakes and back to the clear")


if __name__ == "__main__":
    main()
