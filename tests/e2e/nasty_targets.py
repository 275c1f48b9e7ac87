"""Targets at their worst, scraped by us and by a real Prometheus with the same settings: for every job the
series, the values of `up` and of scrape_samples_*, and the first samples of every series must be equal."""
import contextlib
import gzip
import http.server
import signal
import socket
import struct
import sys
import threading
import time

from harness import TEXT, Stack, check, post, wait_for

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
COMPARED = 6  # scrapes


class Server:
    """answer(n, handler) by the number of the scrape of each client: text, (content type, text or bytes), or
    None when it wrote to the handler by itself."""

    def __init__(self, answer):
        counts, self.requests = {}, {}
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                who = self.headers.get("User-Agent", "").split("/")[0]
                if not self.path.startswith("/moved"):
                    counts[who] = counts.get(who, 0) + 1
                server.requests.setdefault(who, []).append((self.path, dict(self.headers)))
                result = answer(counts.get(who, 0), self)
                if result is None:
                    return
                kind, body = (TEXT, result) if isinstance(result, (str, bytes)) else result
                self.reply(200, kind, body)

            def reply(self, status, kind, body, **headers):
                body = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                if kind:
                    self.send_header("Content-Type", kind)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                if "Transfer_Encoding" not in headers and "Content_Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

            def abort(self):
                self.wfile.flush()
                # A reset rather than a polite end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def squeezed(n, h):
    h.reply(200, TEXT, gzip.compress(f"zipped {n}\n".encode()), Content_Encoding="gzip")


def two_members(n, h):
    h.reply(200, TEXT, gzip.compress(f"first {n}\n".encode()) + gzip.compress(b"second 1\n"),
            Content_Encoding="gzip")


def cut_gzip(n, h):
    h.reply(200, TEXT, gzip.compress(f"zipped {n}\n".encode() * 100)[:-9], Content_Encoding="gzip")


def no_gzip(n, h):
    h.reply(200, TEXT, f"plain {n}\n".encode(), Content_Encoding="gzip")


def dies_by_length(n, h):
    if n > 3:
        h.reply(200, TEXT, b"whole 1\nhal", Content_Length="5000")
        h.abort()
        return None
    return "whole 1\nhalf 1\n"


def dies_in_chunk(n, h):
    if n > 3:
        h.reply(200, TEXT, b"8\r\nwhole 1\n\r\n30\r\nhalf", Transfer_Encoding="chunked")
        h.abort()
        return None
    return "whole 1\nhalf 1\n"


def ends_early(n, h):
    """A polite end of the connection in the middle of a line and of the declared length."""
    if n > 3:
        h.reply(200, TEXT, b"whole 1\nhalf 1", Content_Length="5000")
        h.close_connection = True
        return None
    return "whole 1\nhalf 1\n"


def until_close(n, h):
    h.wfile.write(f"HTTP/1.0 200 OK\r\nContent-Type: {TEXT}\r\n\r\nold_style {n}\n".encode())
    h.close_connection = True


def dawdles(n, h):
    if n > 2:
        time.sleep(3)
    return f"slow {n}\n"


def moved(n, h):
    if h.path.startswith("/moved"):
        return f"there {n}\n"
    h.reply(302, "text/plain", b"", Location="moved/here?x=1")


def moved_in_circles(n, h):
    h.reply(302, "text/plain", b"", Location="/metrics")


def status(code):
    return lambda n, h: h.reply(code, "text/plain", b"" if code in (204, 304) else b"ignored 1\n")


def fixed(text, kind=TEXT):
    return lambda n, h: (kind, text)


def many(n, h):
    return "".join(f'm{{i="{i}"}} {n}\n' for i in range(3 if n < 3 else 8))


def churn(n, h):
    return f"always {n}\n" + "".join(f'part{{i="{i}"}} {n}\n' for i in range(n, n + 3))


def reordered(n, h):
    rows = [f'row{{i="{i}"}} {i}\n' for i in range(20)]
    return "".join(rows[n:] + rows[:n]) if n % 2 else "".join(reversed(rows))


def garbage_after(n, h):
    return "ok_before 1\n" + ("9bad 1\n" if n > 2 else "") + "ok_after 2\n"


def stamped(n, h):
    now = int(time.time() * 1000)
    return f"own {n} {now - 5000}\nscraped {n}\n"


# Each line is a target of its own: where one is refused, it must be by both.
ODD = ["hex 0x1p3", "exp 1E+2", "neg -0", "big 1e400", "small 1e-400", "inf +Inf", "ninf -inf", "nan NaN", "infinity infinity",
       "long 0.1000000000000000055511151231257827", "int 9007199254740993", "spaced   \t 5 ", "tail{a=\"b\",} 6",
       "empty_label{a=\"\",b=\"c\"} 7", "blanks{ a = \"b\" , c = \"d\" } 8", "colon:name:x 9",
       "esc{p=\"a\\\\b\\nc\\\"d\"} 10", "esc_odd{p=\"d\\q\"} 10", "utf{p=\"h\u00e9\u2603\"} 11", "# a comment\nc 1",
       "#HELP tight x\nc 1", "# HELP h1 text\\nmore\n# TYPE h1 counter\nh1 12", "# TYPE h2 untyped\nh2 13", "\n\n\nlast 14",
       "no_braces{} 1", "under_score 1_000", "dots 1..2", "two 1 2 3", "stamp_float 1 2.5", "no_value", "no_value ",
       "{a=\"b\"} 1", "label_dash{a-b=\"c\"} 1", "unquoted{a=b} 1", "single{a='b'} 1", "open{a=\"b\" 1", "open{a=\"b 1",
       "metric-dash 1", "1st 1", "# TYPE t nonsense\nt 1", "# TYPE\nt 1", "# HELP\nt 1", "# HELP only_help", "comma{,} 1",
       "commas{a=\"b\",,c=\"d\"} 1", "twice{a=\"b\",a=\"c\"} 1", "reserved{__x=\"y\"} 1", "renamed{__name__=\"z\"} 1",
       "plus +5", "tiny 5e-324", "max 1.7976931348623157e308", "dot .5", "dotted 5.", "octal 0o17", "binary 0b11",
       "hexint 0x1F", "comment 1 # hello", "tab\t7", "vertical\v7", "nul{a=\"\0\"} 1"]
OM = ("# TYPE req counter\n# HELP req Requests \\\"so\\\" far.\n"
      "req_total{p=\"/\"} 17 # {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879607.789\nreq_created{p=\"/\"} 1520872607.123\n"
      "# TYPE lat histogram\nlat_bucket{le=\"1\"} 1 # {} 0.5\nlat_bucket{le=\"+Inf\"} 2\nlat_sum 3.5\nlat_count 2\n"
      "# TYPE st stateset\nst{st=\"a\"} 1\nst{st=\"b\"} 0\n# TYPE bld info\nbld_info{v=\"1\"} 1\n"
      "# TYPE gh gaugehistogram\ngh_bucket{le=\"+Inf\"} 2\ngh_gsum 3\ngh_gcount 2\nplain 1e3\n# EOF\n")


def open_metrics_stamped(n, h):
    return OPEN_METRICS, f"om_own {n} {time.time() - 3:.3f}\n# EOF\n"


# name -> (answer, settings of Prometheus, the same for us)
JOBS = {
    "stamped": (stamped, {}, {}),
    "ahead": (lambda n, h: f"fine {n}\nahead 1 {int(time.time() * 1000) + 1200000}\n", {}, {}),
    "stamps_ignored": (stamped, {"honor_timestamps": "false"}, {"honor_timestamps": "false"}),
    "sample_limit": (many, {"sample_limit": 5}, {"sample_limit": 5}),
    "label_limit": (lambda n, h: "a 1\nb{x=\"1\"} 2\n" + ('c{x="1",y="2"} 3\n' if n > 2 else ""),
                    {"label_limit": 5}, {"label_limit": 5}),
    "name_length": (lambda n, h: "a 1\n" + ('b{quite_a_long_name="2"} 3\n' if n > 2 else ""),
                    {"label_name_length_limit": 15}, {"label_name_length_limit": 15}),
    "value_length": (lambda n, h: "a 1\n" + (f'b{{x="{"v" * 30}"}} 3\n' if n > 2 else ""),
                     {"label_value_length_limit": 29}, {"label_value_length_limit": 29}),
    "body_exact": (fixed("a 1\nb 2\n"), {"body_size_limit": "8B"}, {"body_size_limit": '"8B"'}),
    "body_below": (fixed("a 1\nb 2\n"), {"body_size_limit": "9B"}, {"body_size_limit": '"9B"'}),
    "body_bomb": (lambda n, h: h.reply(200, TEXT, gzip.compress(b"a 1\n" * 100000), Content_Encoding="gzip"),
                  {"body_size_limit": "100KB"}, {"body_size_limit": '"100KB"'}),
    "squeezed": (squeezed, {}, {}), "two_members": (two_members, {}, {}), "cut_gzip": (cut_gzip, {}, {}),
    "no_gzip": (no_gzip, {}, {}),
    "dup_same": (fixed("d 1\nd 1\ne 2\n"), {}, {}), "dup_other": (fixed("d 1\nd 2\ne 2\n"), {}, {}),
    "dup_spelt": (fixed('d{a="1",b="2"} 1\nd{b="2",a="1"} 2\ne 2\n'), {}, {}),
    "html": (fixed("page 1\n", "text/html"), {}, {}), "no_type": (fixed("page 1\n", ""), {}, {}),
    "html_page": (fixed("<html><body>hello</body></html>", "text/html"), {}, {}),
    "json": (fixed('{"a": 1}', "application/json"), {}, {}),
    "dies_by_length": (dies_by_length, {}, {}), "dies_in_chunk": (dies_in_chunk, {}, {}),
    "ends_early": (ends_early, {}, {}), "until_close": (until_close, {}, {}),
    "dawdles": (dawdles, {}, {}), "moved": (moved, {}, {}), "circles": (moved_in_circles, {}, {}),
    "not_moved": (moved, {"follow_redirects": "false"}, {"follow_redirects": "false"}),
    "s204": (status(204), {}, {}), "s206": (status(206), {}, {}), "s304": (status(304), {}, {}),
    "s401": (status(401), {}, {}), "s503": (status(503), {}, {}), "empty": (fixed(""), {}, {}),
    "no_newline": (fixed("a 1\nb 2"), {}, {}), "churn": (churn, {}, {}), "reordered": (reordered, {}, {}),
    "many_rows": (reordered, {}, {}),
    "garbage_after": (garbage_after, {}, {}), **{f"odd_{n}": (fixed(line + "\n"), {}, {}) for n, line in enumerate(ODD)},
    "not_utf8": (lambda n, h: b'a{b="\xff"} 1\n', {}, {}),
    "om": (fixed(OM, OPEN_METRICS), {}, {}), "om_stamped": (open_metrics_stamped, {}, {}),
    "om_no_eof": (fixed("a 1\n", OPEN_METRICS), {}, {}), "om_empty": (fixed("", OPEN_METRICS), {}, {}),
    "om_only_eof": (fixed("# EOF", OPEN_METRICS), {}, {}), "om_after": (fixed("a 1\n# EOF\nb 2\n", OPEN_METRICS), {}, {}),
    "om_blank_line": (fixed("a 1\n\nb 2\n# EOF\n", OPEN_METRICS), {}, {}),
    "om_comment": (fixed("a 1\n# hello\n# EOF\n", OPEN_METRICS), {}, {}),
    "om_bad_exemplar": (fixed('# TYPE c counter\nc_total 1 # {a="b"}\n# EOF\n', OPEN_METRICS), {}, {}),
    "clash": (fixed('a{job="x",instance="y",exported_job="z"} 1\nb{env="other"} 2\nc{env=""} 3\n'), {}, {}),
    "clash_honored": (fixed('a{job="x",instance="y",exported_job="z"} 1\nb{env="other"} 2\nc{env=""} 3\n'),
                      {"honor_labels": "true"}, {"honor_labels": "true"}),
    "params": (lambda n, h: "p 1\n", {"params": "{a: [x y, '&z'], b: ['']}", "metrics_path": "/some path/m"},
               {"params": '{a = ["x y", "&z"], b = [""]}', "metrics_path": '"/some path/m"'}),
    "basic": (lambda n, h: "p 1\n" if h.headers.get("Authorization") == "Basic dcO8OnA6dw==" else status(401)(n, h),
              {"basic_auth": "{username: \u0075\u00fc, password: 'p:w'}"},
              {"basic_auth": None}),
    "bearer": (lambda n, h: "p 1\n" if h.headers.get("Authorization") == "Token t1" else status(403)(n, h),
               {"authorization": "{type: Token, credentials: t1}"}, {"authorization": None}),
}
BLOCKS = {"basic": '  basic_auth {\n    username = "u\u00fc"\n    password = "p:w"\n  }\n',
          "bearer": '  authorization {\n    type = "Token"\n    credentials = "t1"\n  }\n'}


# What a reload changes: settings of both, or "env" for another label of the target.
CHANGES = {"clash": {"honor_labels": "true"}, "clash_honored": {"honor_labels": "false"},
           "stamped": {"honor_timestamps": "false"}, "many_rows": {"env": "other"}, "squeezed": {"sample_limit": 0},
           "html": {"label_limit": 3}}


def prometheus_config(ports, changes):
    text = "global: {scrape_interval: 2s, scrape_timeout: 2s}\nscrape_configs:\n"
    for job, (_, settings, _) in JOBS.items():
        settings = {**settings, **changes.get(job, {})}
        env = settings.pop("env", "test")
        text += f"- job_name: {job}\n"
        for name, value in settings.items():
            text += f"  {name}: {value}\n"
        text += f"  static_configs: [{{targets: ['127.0.0.1:{ports[job]}'], labels: {{env: {env}}}}}]\n"
    return text


def collector_config(ports, write_url, changes):
    text = ""
    for job, (_, _, settings) in JOBS.items():
        settings = {**settings, **changes.get(job, {})}
        env = settings.pop("env", "test")
        lines = "".join(f"  {k} = {v}\n" for k, v in settings.items() if v is not None)
        text += (f'prometheus.scrape "{job}" {{\n  job_name = "{job}"\n'
                 f'  targets = [{{"__address__" = "127.0.0.1:{ports[job]}", "env" = "{env}"}}]\n'
                 f'  scrape_interval = "2s"\n  scrape_timeout = "2s"\n{lines}{BLOCKS.get(job, "")}'
                 "  forward_to = [prometheus.remote_write.out.receiver]\n}\n")
    return text + f"""
prometheus.remote_write "out" {{
  endpoint {{
    url = "{write_url}"
    queue_config {{
      batch_send_deadline = "200ms"
    }}
  }}
}}
"""


def histories(prometheus, job):
    """Every series of a job with its values from the first on."""
    out = {}
    for r in prometheus.query(f'{{job="{job}"}}[5m]') + prometheus.query(f'{{env="test",job!="{job}",instance!=""}}[5m]'):
        if r["metric"].get("job") != job:
            continue
        out[tuple(sorted(r["metric"].items()))] = [v for _, v in r["values"]]
    return out


def current(prometheus, job):
    return {tuple(sorted(r["metric"].items())) for r in prometheus.query(f'{{job="{job}"}}')}


SAID_OF_TIME = ("scrape_duration_seconds",)
# docs/design-notes.md, "Where we differ from Prometheus on purpose": a void scrape adds no series, and what stands
# before the error in it is not current.
VOID = {"sample_limit", "label_limit", "name_length", "value_length", "garbage_after", "om_no_eof", "om_after",
        "om_blank_line", "om_comment"}


def compare(job, direct, received, problems):
    a, b = histories(direct, job), histories(received, job)
    if job != "churn" and set(a) != set(b):
        problems.append(f"{job}: only Prometheus {sorted(set(a) - set(b))[:4]}, only ours {sorted(set(b) - set(a))[:4]}")
    for series in sorted(set(a) & set(b)):
        name = dict(series)["__name__"]
        if name in SAID_OF_TIME or (job in VOID and name == "scrape_series_added"):
            continue
        n = min(COMPARED, len(a[series]), len(b[series]))
        if a[series][:n] != b[series][:n]:
            problems.append(f"{job}: {name}{ {k: v for k, v in series if k not in ('__name__', 'job', 'instance', 'env')} }: "
                            f"Prometheus {a[series][:n]}, ours {b[series][:n]}")
    # A sample every two seconds, whatever the target does; of a while ago, because ours come by way of an outbox.
    ups = [p.query(f'count_over_time(up{{job="{job}"}}[20s])', time=time.time() - 4) for p in (direct, received)]
    ups = [int(u[0]["value"][1]) if u else 0 for u in ups]
    if min(ups) < 9:
        problems.append(f"{job}: up has {ups[0]} samples in 20 s in Prometheus, {ups[1]} of ours")
    now = [current(p, job) for p in (direct, received)]
    if job in VOID and now[1] > now[0]:
        problems.append(f"{job}: current only in ours {sorted(now[1] - now[0])[:4]}")
    if job not in ("churn", *VOID) and now[0] != now[1]:
        problems.append(f"{job}: current only in Prometheus {sorted(now[0] - now[1])[:4]}, only in ours {sorted(now[1] - now[0])[:4]}")
    return len(a)


def main():
    with Stack() as stack:
        servers = {job: Server(answer) for job, (answer, _, _) in JOBS.items()}
        for s in servers.values():
            stack.callback(s.close)
        ports = {job: s.port for job, s in servers.items()}
        received = stack.prometheus("received", "global: {scrape_interval: 1h}\n")
        ours = stack.collector(collector_config(ports, received.write_url, {}))
        direct = stack.prometheus("direct", prometheus_config(ports, {}))
        wait_for("every job in Prometheus", lambda: len(direct.query("up")) == len(JOBS))
        wait_for("every job of ours", lambda: len(received.query("up")) == len(JOBS))
        time.sleep(24)
        found, left = {}, list(JOBS)

        def alike():
            """What is current on one side may be so a moment later on the other."""
            for job in left[:]:
                found[job] = []
                n = compare(job, direct, received, found[job])
                if not found[job]:
                    left.remove(job)
                    print(f"{job}: {n} series")
            return not left

        with contextlib.suppress(AssertionError):
            wait_for("every job as in Prometheus", alike, 45, every=1)
        problems = [p for job in left for p in found[job]]
        for job in ("params",):
            theirs, mine = (servers[job].requests[w][-1][0] for w in ("Prometheus", "libcollector"))
            if theirs != mine:
                problems.append(f"{job}: Prometheus asks for {theirs}, we for {mine}")
        # The same changes to both: what is current afterwards must be the same, old labels gone.
        for path, text in ((direct.config, prometheus_config(ports, CHANGES)),
                           (ours.config, collector_config(ports, received.write_url, CHANGES))):
            with open(path, "w") as f:
                f.write(text)
        direct.process.send_signal(signal.SIGHUP)
        post(ours.url + "/-/reload")
        time.sleep(10)
        changed = {job: () for job in JOBS if job not in ("churn", "html", *VOID)}

        def alike_again():
            for job in list(changed):
                changed[job] = current(direct, job), current(received, job)
                if changed[job][0] == changed[job][1]:
                    del changed[job]
            return not changed

        with contextlib.suppress(AssertionError):
            wait_for("every job as in Prometheus", alike_again, 30, every=1)
        problems += [f"{job}: after a reload only Prometheus {sorted(a - b)[:4]}, only ours {sorted(b - a)[:4]}"
                     for job, (a, b) in changed.items()]
        wait_for("a limit that a reload sets is in force for known series",
                 lambda: not received.query('page{job="html"}'))
        for p in problems:
            odd = p.startswith("odd_") and ODD[int(p[4:p.index(":")])]
            print("  " + p + (f" of {odd!r}" if odd else ""))
        check(not problems, f"{len(problems)} differences")
        check(ours.stop() == 0, ours.output())


if __name__ == "__main__":
    sys.exit(main())
