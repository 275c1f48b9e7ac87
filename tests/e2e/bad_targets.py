"""Bad targets: each shows a clear error on the targets page, in the log and in `up`; nothing else suffers."""
import json
import os
import ssl
import subprocess
import threading

from harness import TEXT, Stack, Target, check, get, need, text_target, wait_for
from sink import Sink


def endless(_, request):
    request.send_response(200)
    request.send_header("Content-Type", TEXT)
    request.end_headers()
    try:
        while True:
            request.wfile.write(b"x 1\n" * 4096)
    except OSError:
        pass
    return 200, TEXT, b""


def needs_password(_, request):
    if request.headers.get("Authorization") == "Basic dTpw":
        return 200, TEXT, b"secret_series 1\n"
    return 401, "text/plain", b"who are you?\n"


CONFIG = """
prometheus.scrape "bad" {{
  targets = [{rows}]
  scrape_interval = "1s"
  scrape_timeout = "1s"
  body_size_limit = "1MB"
  forward_to = [prometheus.remote_write.out.receiver]
}}
prometheus.scrape "password" {{
  targets = [{{"__address__" = "127.0.0.1:{password}"}}]
  scrape_interval = "1s"
  scrape_timeout = "1s"
  basic_auth {{
    username = "u"
    password = "p"
  }}
  forward_to = [prometheus.remote_write.out.receiver]
}}
prometheus.remote_write "out" {{
  endpoint {{
    url = "{url}"
    queue_config {{
      batch_send_deadline = "100ms"
    }}
  }}
}}
"""


def main():
    openssl = need("openssl")
    with Stack() as stack:
        sink = Sink()
        stack.callback(sink.close)
        good = text_target(lambda n: f"good {n}\n")
        garbage = text_target(lambda n: "fine 1\n\x00\x01 not metrics {{\n")
        forbidden = Target(needs_password)
        broken = Target(lambda n, r: (400, "text/plain", b"no\n"))
        endless_target = Target(endless)
        key, cert = os.path.join(stack.folder, "k.pem"), os.path.join(stack.folder, "c.pem")
        subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=somebody.else", "-keyout", key, "-out", cert], check=True,
                       capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        tls = text_target(lambda n: "tls 1\n", tls=context)
        for t in (good, garbage, forbidden, broken, endless_target, tls):
            stack.callback(t.close)
        wanted = {garbage.port: "line 2", forbidden.port: "401", broken.port: "400",
                  endless_target.port: "limit", tls.port: "certificate"}
        rows = ", ".join(f'{{"__address__" = "127.0.0.1:{t.port}", "__scheme__" = "{s}"}}'
                         for t, s in ((good, "http"), (garbage, "http"), (forbidden, "http"),
                                      (broken, "http"), (endless_target, "http"), (tls, "https")))
        ours = stack.collector(CONFIG.format(rows=rows, url=sink.url, password=forbidden.port))

        def targets():
            answer = json.loads(get(ours.url + "/api/v0/targets"))
            return answer["targets"] if isinstance(answer, dict) else answer

        def errors():
            return {int(t["labels"]["instance"].rsplit(":", 1)[1]): t for t in targets()
                    if "bad" in t["labels"]["job"]}

        wait_for("an error of every bad target",
                 lambda: all(errors()[p]["health"] == "down" and errors()[p]["error"] for p in wanted))
        for port, word in wanted.items():
            try:  # the first error of a slow machine may be its time
                wait_for(word, lambda p=port, w=word: w in errors()[p]["error"])
            except AssertionError:
                print(f"{port}: {errors()[port]['error']!r} does not speak of {word}")
                raise
            print(f"{word}: {errors()[port]['error']}")
            wait_for("up 0", lambda: any(v == 0 for _, _, v in sink.samples("up", f"127.0.0.1:{port}")))
        wait_for("the page shows the errors",
                 lambda: (lambda page: "401" in page and "certificate" in page)(get(ours.url + "/targets")))
        wait_for("the log shows the errors", lambda: "401" in ours.output())
        wait_for("the good target is not disturbed",
                 lambda: errors()[good.port]["health"] == "up")
        wait_for("good samples", lambda: len(sink.samples("good")) >= 3)
        wait_for("the password works", lambda: sink.samples("secret_series"))
        check('"p"' not in get(ours.url + "/api/v0/components/prometheus.scrape.password"),
              "a password is shown")
        check(ours.stop() == 0, ours.output())


if __name__ == "__main__":
    main()
