"""HTTP/2 by ALPN against nghttpd: scrapes and writes go over one connection, side by side; the server dies and
comes back; without h2 on offer HTTP/1.1 is spoken."""
import os
import re
import shutil
import subprocess

from harness import SKIP, Stack, check, free_port, get, need, text_target, wait_for

CONFIG = """
prometheus.scrape "h2" {{
  scheme = "https"
  targets = [{targets}]
  scrape_interval = "1s"
  scrape_timeout = "1s"
  enable_http2 = {enabled}
  tls_config {{
    ca_file = "{ca}"
    server_name = "localhost"
  }}
  forward_to = [prometheus.remote_write.out.receiver, collector.store.kept.receiver]
}}
collector.store "kept" {{ }}
prometheus.remote_write "out" {{
  endpoint {{
    url = "https://127.0.0.1:{port}/api/v1/write"
    enable_http2 = {enabled}
    tls_config {{
      ca_file = "{ca}"
      server_name = "localhost"
    }}
    queue_config {{
      batch_send_deadline = "100ms"
    }}
  }}
}}
"""


def metric(ours, name):
    return sum(float(v) for v in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", get(ours.url + "/metrics"), re.M))


def main():
    nghttpd = shutil.which("nghttpd") or shutil.which("nghttpd", path="/usr/sbin")
    if not nghttpd:
        print("SKIP: nghttpd is not installed")
        raise SystemExit(SKIP)
    with Stack() as stack:
        key, cert = (os.path.join(stack.folder, n) for n in ("key.pem", "cert.pem"))
        subprocess.run([need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        root = os.path.join(stack.folder, "root")
        os.mkdir(root)
        with open(os.path.join(root, "metrics"), "w") as f:
            f.write("# TYPE big gauge\n" + "".join(f'big{{n="{i}"}} {i}\n' for i in range(20000)))
        port = free_port()

        def serve():
            return stack.start("nghttpd", [nghttpd, "-v", "-d", root, "--echo-upload", "-a", "127.0.0.1",
                                           "--mime-types-file=/dev/null", str(port), key, cert])

        server = serve()
        targets = ", ".join(f'{{"__address__" = "127.0.0.1:{port}", "instance" = "i{i}"}}' for i in range(4))
        # nghttpd names no content type for the file.
        config = CONFIG.replace("enable_http2 = {enabled}\n  tls_config",
                                'scrape_fallback_protocol = "PrometheusText0.0.4"\n  enable_http2 = {enabled}\n'
                                "  tls_config", 1)
        ours = stack.collector(config.format(targets=targets, port=port, ca=cert, enabled="true"))
        try:
            wait_for("samples over HTTP/2", lambda: metric(ours, "prometheus_remote_storage_samples_total") > 80000)
        except AssertionError:
            print(get(ours.url + "/api/v0/targets")[:2000], ours.output()[-2000:])
            raise
        wait_for("requests", lambda: len(re.findall(r":method: (?:GET|POST)", server.output())) > 8)
        log = server.output()
        connections = len(set(re.findall(r"\[id=(\d+)\]", log)))
        requests = len(re.findall(r":method: (?:GET|POST)", log))
        check(connections <= 10, f"{requests} requests took {connections} connections")
        print(f"HTTP/2: {requests} requests over {connections} connections, "
              f"{metric(ours, 'prometheus_remote_storage_samples_total'):.0f} samples written")

        server.stop()
        wait_for("targets that are down", lambda: '"health": "down"' in get(ours.url + "/api/v0/targets"))
        server = serve()
        before = metric(ours, "prometheus_remote_storage_samples_total")
        wait_for("samples after the restart",
                 lambda: metric(ours, "prometheus_remote_storage_samples_total") > before + 80000)
        print("the server came back and so did the samples")
        check(ours.stop() == 0, ours.output())


if __name__ == "__main__":
    main()
