"""The commands as a user types them: exit codes, flags of Alloy, signals, what is written and what is not."""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from harness import Process, Stack, check, collector_binary, free_port, get, post, wait_for

COLLECTOR = collector_binary()
GOOD = 'prometheus.echo "e" { }\n'
BAD = 'prometheus.ecko "e" { }\n'


def run(*argv, stdin=None, seconds=60, **environment):
    return subprocess.run([COLLECTOR, *argv], capture_output=True, text=True, input=stdin, timeout=seconds,
                          env={**os.environ, **environment})


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def ends_at_once(folder):
    """What cannot run says why and ends; it does not stay."""
    good, bad = write(folder, "good.alloy", GOOD), write(folder, "bad.alloy", BAD)
    for argv, code, says in [
            (["run", bad], 1, 'did you mean "prometheus.echo"?'),
            (["run", os.path.join(folder, "absent.alloy")], 2, "No such file"),
            (["run", good, "--server.http.listen-addr=127.0.0.1:no"], 2, "is no port"),
            (["run", good, "--no-such-flag"], 2, "--no-such-flag"),
            (["run", good, "--cluster.enable-tls"], 2, "plain HTTP"),
            (["run", good, "--config.format=prometheus"], 2, "alloy convert"),
            (["run", good, "--stability.level=bold"], 2, "generally-available"),
            (["run", good, "--disable-reporting=maybe"], 2, "boolean"),
            (["validate", bad], 1, "1 error"),
            (["validate", folder], 1, "bad.alloy:1:1"),
            (["validate", good, "--stability.level=experimental"], 0, ""),
            (["validate"], 2, "name a file"),
            (["preflight", bad], 1, ""),
            (["fmt", bad + ".absent"], 2, "No such file"),
            (["reference", "no.such"], 2, "no.such"),
            (["explain", "x", "--server", f"http://127.0.0.1:{free_port()}/"], 1, "no collector answers"),
            (["--version"], 0, ""),
    ]:
        result = run(*argv)
        check(result.returncode == code, f"{argv}: {result.returncode} instead of {code}: {result.stderr}")
        check(says in result.stderr, f"{argv}: {says!r} is not in {result.stderr!r}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("run", good, f"--server.http.listen-addr=127.0.0.1:{taken.getsockname()[1]}")
        check(result.returncode == 4, f"address taken: {result.returncode} {result.stderr}")


def flags_of_alloy(folder):
    """Switches stand alone and never take the path for their value; the last of several counts."""
    path = write(folder, "flags.alloy", GOOD)
    with Stack() as stack:
        port = free_port()
        process = Process("flags", [
            COLLECTOR, "run", "--disable-reporting", "--server.http.enable-pprof=true", "--cluster.enabled=false",
            "--stability.level", "experimental", "--cluster.use-discovery-v1", "--windows.priority=normal",
            "--feature.prometheus.metric-validation-scheme", "--cluster.join-addresses", "a,b",
            "--server.http.listen-addr=127.0.0.1:1", f"--server.http.listen-addr=127.0.0.1:{port}",
            "--server.http.disable-support-bundle", path])
        stack.callback(process.stop)
        url = f"http://127.0.0.1:{port}"
        wait_for("ready", lambda: get(url + "/-/ready"))
        ids = [c["id"] for c in json.loads(get(url + "/api/v0/components"))["components"]]
        check(ids == ["prometheus.echo.e"], f"the path was taken for a flag's value: {ids}")


def signals_and_reload(folder):
    path = write(folder, "reload.alloy", GOOD)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = Process("reload", [COLLECTOR, "run", path, f"--server.http.listen-addr=127.0.0.1:{port}"])
    try:
        wait_for("ready", lambda: get(url + "/-/ready"))

        def ids():
            return [c["id"] for c in json.loads(get(url + "/api/v0/components"))["components"]]

        write(folder, "reload.alloy", GOOD + 'prometheus.echo "f" { }\n')
        process.process.send_signal(signal.SIGHUP)
        wait_for("SIGHUP reloads", lambda: len(ids()) == 2)
        write(folder, "reload.alloy", BAD)
        process.process.send_signal(signal.SIGHUP)
        wait_for("the failure is measured",
                 lambda: "alloy_config_last_load_successful 0" in get(url + "/metrics"))
        check(len(ids()) == 2, "a bad file changed the running graph")
        wait_for("the page shows the failed load", lambda: "The last load failed" in get(url + "/"))
        try:
            post(url + "/-/reload")
            check(False, "a bad file is reloaded")
        except urllib.error.HTTPError as e:
            check(e.code == 400 and "did you mean" in e.read().decode(), f"{e}")
        os.remove(path)
        process.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        check(len(ids()) == 2, "a file that is gone changed the running graph")
    finally:
        code = process.stop()
    check(code == 0, f"SIGTERM: {code} {process.output()}")


def a_slow_first_load(folder):
    """The server of an import accepts and is silent: SIGHUP does not kill, SIGTERM ends at once."""
    with socket.socket() as silent:
        silent.settimeout(60)
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        path = write(folder, "slow.alloy",
                     f'import.http "m" {{ url = "http://127.0.0.1:{silent.getsockname()[1]}/" }}\n')
        process = Process("slow", [COLLECTOR, "run", path, "--server.http.listen-addr=127.0.0.1:0"])
        connection, _ = silent.accept()
        process.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        check(process.process.poll() is None, f"SIGHUP ended it: {process.output()}")
        begin = time.monotonic()
        code = process.stop()
        check(code == 0 and time.monotonic() - begin < 8, f"SIGTERM: {code} {process.output()}")
        connection.close()


def undelivered(folder):
    """Data that is left at the deadline: exit code 3, within the deadline, and the log says how much."""
    port = free_port()
    path = write(folder, "left.alloy", f"""
prometheus.exporter.self "me" {{ }}
prometheus.scrape "me" {{
	targets         = prometheus.exporter.self.me.targets
	scrape_interval = "200ms"
	scrape_timeout  = "200ms"
	forward_to      = [prometheus.remote_write.dead.receiver]
}}
prometheus.remote_write "dead" {{
	endpoint {{
		url = "http://user:hunter2@127.0.0.1:{port}/"
	}}
}}
discovery.http "dead" {{
	url = "http://user:hunter2@127.0.0.1:{port}/"
}}
outbox {{
	level = "queued"
}}
""")
    admin = free_port()
    process = Process("left", [COLLECTOR, "run", path, "--feature.component-shutdown-deadline=500ms",
                               f"--server.http.listen-addr=127.0.0.1:{admin}"])
    url = f"http://127.0.0.1:{admin}"
    wait_for("samples wait", lambda: json.loads(get(url + "/api/v0/ledger"))["destinations"][0]["waiting"] > 0)
    shown = ""
    for page in ["/", "/targets", "/ledger", "/metrics", "/api/v0/components", "/api/v0/ledger",
                 "/component/prometheus.remote_write.dead", "/component/discovery.http.dead",
                 "/api/v0/components/discovery.http.dead", "/api/v0/components/prometheus.remote_write.dead"]:
        shown += get(url + page)
    check("hunter2" not in shown, "a password is shown")
    begin = time.monotonic()
    code = process.stop()
    took = time.monotonic() - begin
    output = process.output()
    check(code == 3, f"exit code {code}")
    check(took < 10, f"took {took} s")
    check("samples that are not delivered" in output, output)
    check("hunter2" not in output, "a password is in the log")


def a_reader_that_does_not_read():
    """Admin pages: one that asks and never reads does not keep the others from theirs."""
    with Stack() as stack:
        admin = free_port()
        directory = os.path.join(stack.folder, "empty")
        os.mkdir(directory)
        process = Process("host", [COLLECTOR, "run", f"--server.http.listen-addr=127.0.0.1:{admin}"],
                          directory=directory)
        stack.callback(process.stop)
        url = f"http://127.0.0.1:{admin}"
        wait_for("a scrape", lambda: "<code>node_load1" in get(url + "/store?search=node_load1"))
        readers = [socket.create_connection(("127.0.0.1", admin)) for _ in range(50)]
        for r in readers:
            r.sendall(b"GET /api/v0/store?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        half = socket.create_connection(("127.0.0.1", admin))
        half.sendall(b"GET / HT")
        begin = time.monotonic()
        check("ready" in get(url + "/-/ready"), "not ready")
        check(time.monotonic() - begin < 20, "others wait for a reader that does not read")
        check("node_load1" in run("explain", "node_load1", "--server", url).stdout, "explain")
        for r in readers + [half]:
            r.close()
        check(os.listdir(directory) == [], "the built-in configuration wrote to disk")


def formatting(folder):
    path = write(folder, "format.alloy", "// kept\na \"b\" {\nx=1 // too\n}\n")
    os.chmod(path, 0o600)
    check(run("fmt", "--test", path).returncode == 1, "--test of what is not formatted")
    link = os.path.join(folder, "link.alloy")
    os.symlink("format.alloy", link)
    write(folder, "format.alloy.formatted", "left over")
    result = run("fmt", "--write", link)
    check(result.returncode == 0, result.stderr)
    check(os.path.islink(link), "the link was replaced")
    check(os.stat(path).st_mode & 0o777 == 0o600, "the file became readable to others")
    with open(path) as f:
        text = f.read()
    check(text == '// kept\na "b" {\n\tx = 1 // too\n}\n', text)
    check(run("fmt", "--test", path).returncode == 0, "--test of what is formatted")
    check(run("fmt", "-", stdin="a{}").stdout == "a { }\n", "standard input")
    check(run("fmt", stdin="a{").returncode == 1, "standard input that does not parse")


def main():
    with tempfile.TemporaryDirectory() as folder:
        ends_at_once(os.path.join(folder, "."))
        for case in (flags_of_alloy, signals_and_reload, a_slow_first_load, undelivered, formatting):
            inner = os.path.join(folder, case.__name__)
            os.mkdir(inner)
            case(inner)
    a_reader_that_does_not_read()
    print("the command line does what it says")


if __name__ == "__main__":
    main()
