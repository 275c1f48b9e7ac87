"""Real servers on free loopback ports, started and stopped by pid."""
import contextlib
import http.server
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

SKIP = 77  # ctest: SKIP_RETURN_CODE


def need(program):
    path = shutil.which(program)
    if not path:
        print(f"SKIP: {program} is not installed")
        sys.exit(SKIP)
    return path


def free_port():
    """Below those that the kernel gives out by itself: no connection of another program takes it meanwhile."""
    while True:
        port = random.randrange(10000, 32768)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def get(url, timeout=20):
    with urllib.request.urlopen(url, timeout=timeout) as r:
        return r.read().decode()


def post(url, body=b"", timeout=60):
    request = urllib.request.Request(url, data=body, method="POST")
    with urllib.request.urlopen(request, timeout=timeout) as r:
        return r.status, r.read().decode()


def wait_for(what, condition, seconds=60, every=0.1):
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            result = condition()
            if result:
                return result
        except (OSError, urllib.error.URLError, ValueError, KeyError, IndexError) as e:
            last = e
        time.sleep(every)
    raise AssertionError(f"{what}: not within {seconds} s ({last})")


class Process:
    def __init__(self, name, argv, env=None, directory=None):
        self.name = name
        self.log = tempfile.NamedTemporaryFile("w+", suffix=f".{name}.log", delete=False)
        self.process = subprocess.Popen(argv, stdout=self.log, stderr=subprocess.STDOUT,
                                        env={**os.environ, **(env or {})}, cwd=directory)

    def output(self):
        with open(self.log.name) as f:
            return f.read()

    def stop(self, how=signal.SIGTERM, seconds=60):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        code = self.process.returncode
        self.log.close()
        return code


class Stack(contextlib.ExitStack):
    """Starts things in a scratch folder and stops them in reverse order, whatever happens."""

    def __enter__(self):
        super().__enter__()
        self.folder = self.enter_context(tempfile.TemporaryDirectory())
        return self

    def start(self, name, argv, **kw):
        p = Process(name, argv, **kw)
        self.callback(lambda: (p.stop(), os.environ.get("KEEP_LOGS") or os.unlink(p.log.name)))
        return p

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def prometheus(self, name, config):
        port = free_port()
        path = self.write(f"{name}.yml", config)
        process = self.start(name, [need("prometheus"), f"--config.file={path}",
                                    f"--web.listen-address=127.0.0.1:{port}",
                                    f"--storage.tsdb.path={self.folder}/{name}-data",
                                    "--web.enable-remote-write-receiver", "--log.level=warn"])
        wait_for(name, lambda: get(f"http://127.0.0.1:{port}/-/ready"))
        prometheus = Prometheus(port)
        prometheus.process, prometheus.config = process.process, path
        return prometheus

    def node_exporter(self):
        port = free_port()
        self.start("node_exporter", [need("prometheus-node-exporter"),
                                     f"--web.listen-address=127.0.0.1:{port}"])
        wait_for("node_exporter", lambda: get(f"http://127.0.0.1:{port}/metrics"))
        return port

    def collector(self, config, name="collector", ready=True, env=None, flags=()):
        port = free_port()
        path = self.write(f"{name}.alloy", config.replace("ADMIN", f"127.0.0.1:{port}"))
        return self.collector_at(port, path, name, flags, ready, env)

    def collector_at(self, port, path, name, flags=(), ready=True, env=None):
        p = self.start(name, [collector_binary(), "run", path,
                              f"--server.http.listen-addr=127.0.0.1:{port}",
                              f"--storage.path={self.folder}/{name}-data", *flags],
                       env=env)
        p.port = port
        p.config = path
        p.url = f"http://127.0.0.1:{port}"
        if ready:
            try:
                wait_for(name, lambda: get(p.url + "/-/ready"))
            except AssertionError:
                print(p.output())
                raise
        return p


def collector_binary():
    return os.environ["COLLECTOR"]


def respelt(labels):
    """Bounds and quantiles as Prometheus 3 writes them: Debian's takes them as the target does."""
    def number(name, value):
        try:
            return repr(float(value)) if name in ("le", "quantile") else value
        except ValueError:
            return value
    return {name: number(name, value) for name, value in labels.items()}


class Prometheus:
    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.write_url = self.url + "/api/v1/write"

    def api(self, path, **params):
        answer = json.loads(get(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(params, True)}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression, **kw):
        return [{**r, "metric": respelt(r["metric"])} if "metric" in r else r
                for r in self.api("query", query=expression, **kw)["result"]]

    def series(self, match, start):
        return {tuple(sorted(respelt(s).items()))
                for s in self.api("series", **{"match[]": match, "start": start})}


class QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # A client that is gone is what some tests are about.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Target:
    """A scrape target whose answer is a function of the number of the scrape; `sent` is called with that number when
    the whole answer was written. `tls` is a context to serve with."""

    def __init__(self, answer, sent=lambda n: None, tls=None):
        self.count = 0
        lock = threading.Lock()
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with lock:
                    target.count += 1
                    n = target.count
                status, content_type, body = answer(n, self)
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                sent(n)

            def log_message(self, *_):
                pass

        self.server = QuietServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


TEXT = "text/plain; version=0.0.4; charset=utf-8"


def text_target(function, tls=None):
    """function(n) -> exposition text, by the number of the scrape of each client apart."""
    counts, lock = {}, threading.Lock()

    def answer(_, request):
        client = request.headers.get("User-Agent", "").split("/")[0]
        with lock:
            n = counts[client] = counts.get(client, 0) + 1
        result = function(n)
        if isinstance(result, str):
            return 200, TEXT, result.encode()
        return result

    return Target(answer, tls=tls)


def check(condition, message):
    if not condition:
        raise AssertionError(message)
