"""Targets answer in gzip and in zstd, as zstd(1) writes it: whole, as a stream without its size, in several frames;
one of them is a bomb. Which coding a scrape offers follows enable_compression."""
import gzip
import http.server
import subprocess
import threading

from harness import TEXT, Stack, check, get, need, wait_for
from sink import Sink

CONFIG = """
prometheus.scrape "x" {
  targets = [TARGETS]
  scrape_interval = "3s"
  scrape_timeout = "3s"
  forward_to = [prometheus.remote_write.out.receiver]
}
prometheus.scrape "plain" {
  targets = [{"__address__" = "127.0.0.1:PORT", "__metrics_path__" = "/plain"}]
  scrape_interval = "3s"
  scrape_timeout = "3s"
  enable_compression = false
  forward_to = [prometheus.remote_write.out.receiver]
}
prometheus.remote_write "out" {
  endpoint {
    url = "SINK"
    queue_config {
      batch_send_deadline = "200ms"
    }
  }
}
"""


def zstd(data, *flags, file=None):
    argv = ["zstd", "-q", "-c", *flags] + ([file] if file else [])
    return subprocess.run(argv, input=None if file else data, capture_output=True, check=True).stdout


def main():
    need("zstd")
    with Stack() as stack:
        text = "".join(f'rows{{row="{n}"}} {n}\n' for n in range(2000)).encode()
        file = stack.write("text", text.decode())
        bodies = {
            "gzip": ("gzip", gzip.compress(text)),
            "whole": ("zstd", zstd(None, file=file)),
            "stream": ("zstd", zstd(text, "-19")),
            "frames": ("zstd", zstd(text[:20000]) + zstd(text[20000:], "--fast")),
            "bomb": ("zstd", zstd(b"#" * (80 << 20), "-1")),
            "damaged": ("zstd", zstd(text)[:-100]),
            "plain": (None, text),
        }
        asked = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                coding, body = bodies[self.path.strip("/")]
                asked[self.path.strip("/")] = self.headers.get("Accept-Encoding")
                self.send_response(200)
                self.send_header("Content-Type", TEXT)
                if coding:
                    self.send_header("Content-Encoding", coding)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(lambda: (server.shutdown(), server.server_close()))
        port = server.server_address[1]
        sink = Sink()
        stack.callback(sink.close)
        targets = ", ".join(
            f'{{"__address__" = "127.0.0.1:{port}", "__metrics_path__" = "/{name}", "body" = "{name}"}}'
            for name in bodies if name != "plain")
        ours = stack.collector(CONFIG.replace("TARGETS", targets).replace("PORT", str(port))
                               .replace("SINK", sink.url))

        def rows(name):
            return {l["row"]: v for l, _, v in sink.samples("rows") if l.get("body") == name}

        for name in ("gzip", "whole", "stream", "frames"):
            wait_for(name, lambda n=name: len(rows(n)) == 2000)
            check(all(float(k) == v for k, v in rows(name).items()), name)
        wait_for("plain", lambda: any("body" not in l for l, _, _ in sink.samples("rows")))
        check(asked["plain"] == "identity" and asked["gzip"] == "gzip, zstd", str(asked))
        up = {}

        def all_known():  # `up` may come a request later than the rows
            for labels, _, value in sink.samples("up"):
                up.setdefault(labels.get("body", "plain"), set()).add(value)
            return len(up) == len(bodies)

        wait_for("up of each", all_known)
        check(up == {name: {0.0 if name in ("bomb", "damaged") else 1.0} for name in bodies}, str(up))
        wait_for("both errors on the page of targets", lambda: (
            lambda shown: "over the limit" in shown and "zstd: damaged" in shown)(get(ours.url + "/api/v0/targets")))
        check(ours.stop() == 0, ours.output())
        print(f"{len(bodies['bomb'][1])} bytes of 80 MiB refused, 2000 rows each in gzip and three forms of zstd")


if __name__ == "__main__":
    main()
