"""tls_config against openssl s_server: authorities, names, client certificates, versions. What is refused says why on
the targets page."""
import json
import subprocess

from harness import Stack, check, free_port, get, need, wait_for

SERVERS = {"tls10": "-tls1 -cipher ALL:@SECLEVEL=0 -cert server.pem -key server.key",
           "tls13": "-tls1_3 -cert server.pem -key server.key",
           "mutual": "-Verify 2 -verify_return_error -CAfile ca.pem -cert server.pem -key server.key",
           "other": "-cert other.pem -key other.key"}
# name -> (server, tls_config, word of the error or nothing)
CASES = {"old_server": ("tls10", 'ca_file = "DIR/ca.pem"', "protocol version"),
         "old_allowed": ("tls10", 'ca_file = "DIR/ca.pem"\nmin_version = "TLS10"', ""),
         "too_new": ("tls10", 'ca_file = "DIR/ca.pem"\nmin_version = "TLS13"', "protocol version"),
         "new": ("tls13", 'ca_file = "DIR/ca.pem"\nmin_version = "TLS13"', ""),
         "no_authority": ("tls13", "", "issuer certificate"),
         "insecure": ("tls13", "insecure_skip_verify = true", ""),
         "named": ("tls13", 'ca_file = "DIR/ca.pem"\nserver_name = "srv.test"', ""),
         "misnamed": ("tls13", 'ca_file = "DIR/ca.pem"\nserver_name = "x.test"', "hostname mismatch"),
         "no_client_cert": ("mutual", 'ca_file = "DIR/ca.pem"', "certificate required"),
         "client_cert": ("mutual", 'ca_file = "DIR/ca.pem"\ncert_file = "DIR/client.pem"\nkey_file = "DIR/client.key"', ""),
         "other_host": ("other", 'ca_file = "DIR/ca.pem"', "IP address mismatch"),
         "other_named": ("other", 'ca_file = "DIR/ca.pem"\nserver_name = "other.test"', ""),
         "no_file": ("tls13", 'ca_file = "DIR/none.pem"', "No such file")}


def main():
    openssl = need("openssl")
    with Stack() as stack:
        def run(*argv):
            subprocess.run([openssl, *argv], check=True, capture_output=True, cwd=stack.folder)

        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key",
            "-out", "ca.pem")
        for name, names in (("server", "DNS:srv.test,IP:127.0.0.1"), ("client", "DNS:client"), ("other", "DNS:other.test")):
            stack.write(f"{name}.ext", f"subjectAltName={names}")
            run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
            run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", f"{name}.ext", "-out", f"{name}.pem")
        stack.write("metrics", "tls_ok 1\n")
        ports = {name: free_port() for name in SERVERS}
        for name, flags in SERVERS.items():
            stack.start(name, [openssl, "s_server", "-accept", f"127.0.0.1:{ports[name]}", "-WWW", "-quiet", *flags.split()],
                        directory=stack.folder)
        config = ""
        for name, (server, tls, _) in CASES.items():
            config += (f'prometheus.scrape "{name}" {{\n  job_name = "{name}"\n  scheme = "https"\n'
                       f'  targets = [{{"__address__" = "127.0.0.1:{ports[server]}"}}]\n  scrape_interval = "1s"\n'
                       f'  scrape_timeout = "1s"\n  forward_to = []\n'
                       f'  tls_config {{\n{tls.replace("DIR", stack.folder)}\n  }}\n}}\n')
        ours = stack.collector(config)

        def wrong():
            rows = {t["labels"]["job"]: t for t in json.loads(get(ours.url + "/api/v0/targets"))["targets"]}
            return [f"{name}: {rows[name]['health']} {rows[name]['error']!r}, expected {word or 'up'}"
                    for name, (_, _, word) in CASES.items()
                    if rows[name]["health"] != ("down" if word else "up") or word not in rows[name]["error"]]

        try:
            wait_for("every target as expected", lambda: not wrong())
        except AssertionError:
            print("\n".join(wrong()))
            raise
        print(f"{len(CASES)} ways to speak TLS, as expected")
        check(ours.stop() == 0, ours.output())


if __name__ == "__main__":
    main()
