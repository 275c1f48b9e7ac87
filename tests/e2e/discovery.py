"""discovery.dns against a real DNS server, in a network and mount namespace of its own with a resolv.conf that names
it, beside a real Prometheus there; discovery.http against a real HTTP server, beside the same Prometheus. The targets
must be equal: SRV, A, AAAA, MX and NS records, CNAMEs, search domains, a truncated answer over TCP, names that are
gone, servers that fail."""
import json
import os
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time

from harness import SKIP, Stack, Target, check, get, need, wait_for

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "MX": 15, "AAAA": 28, "SRV": 33}


def wire_name(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.rstrip(".").split(".")) + b"\0"


def wire_data(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "SRV":
        priority, weight, port, host = value
        return struct.pack("!HHH", priority, weight, port) + wire_name(host)
    if kind == "MX":
        return struct.pack("!H", value[0]) + wire_name(value[1])
    return wire_name(value)


class Dns:
    """RFC 1035, on UDP and TCP port 53. `zone` is {name: {type: [value, ...]}}; `rcode` overrides names."""

    def __init__(self):
        self.zone, self.rcode, self.asked = {}, {}, []
        dns = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                query, sock = self.request
                answer = dns.answer(query)
                if len(answer) > 512:  # nothing but the question, truncated
                    answer = answer[:2] + struct.pack("!H", 0x8780) + answer[4:6] + b"\0" * 6 + dns.question(query)
                sock.sendto(answer, self.client_address)

        class Tcp(socketserver.BaseRequestHandler):
            def handle(self):
                size = self.request.recv(2, socket.MSG_WAITALL)
                if len(size) == 2:
                    answer = dns.answer(self.request.recv(struct.unpack("!H", size)[0], socket.MSG_WAITALL))
                    self.request.sendall(struct.pack("!H", len(answer)) + answer)

        class TcpServer(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        class UdpServer(socketserver.ThreadingUDPServer):
            daemon_threads = True

        for server in (UdpServer(("127.0.0.1", 53), Udp), TcpServer(("127.0.0.1", 53), Tcp)):
            threading.Thread(target=server.serve_forever, daemon=True).start()

    @staticmethod
    def question(query):
        at = 12
        while query[at]:
            at += query[at] + 1
        return query[12:at + 5]

    def answer(self, query):
        question = self.question(query)
        labels, at = [], 0
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
            at += question[at] + 1
        name = ".".join(labels)
        number = struct.unpack("!H", question[at + 1:at + 3])[0]
        self.asked.append((name, number))
        rcode = self.rcode.get(name, 0 if name in self.zone else 3)
        records, owner = [], name
        if rcode == 0:
            for alias in self.zone[owner].get("CNAME", []):
                records.append((owner, "CNAME", alias))
                owner = alias
            for kind, n in TYPES.items():
                if n == number:
                    records += [(owner, kind, v) for v in self.zone.get(owner, {}).get(kind, [])]
        out = query[:2] + struct.pack("!HHHHH", 0x8580 | rcode, 1, len(records), 0, 0) + question
        for who, kind, value in records:
            data = wire_data(kind, value)
            out += wire_name(who) + struct.pack("!HHIH", TYPES[kind], 1, 30, len(data)) + data
        return out


JOBS = {  # names, type, port
    "srv": (["_m._tcp.x.test", "missing.x.test"], "SRV", 0),
    "a": (["web.x.test"], "A", 8080), "alias": (["alias.x.test"], "A", 8080),
    "aaaa": (["web.x.test", "nothing.x.test"], "AAAA", 8080),
    "mx": (["x.test"], "MX", 25), "ns": (["x.test"], "NS", 53),
    "short": (["web"], "A", 80), "rooted": (["web.x.test."], "A", 80), "rooted_short": (["web."], "A", 80),
    "large": (["large.x.test"], "A", 81), "fails": (["fails.x.test"], "A", 82), "later": (["later.x.test"], "A", 83),
}


def zone():
    return {
        "_m._tcp.x.test": {"SRV": [(10, 20, 9100, "n1.x.test"), (10, 20, 9101, "N2.x.test")]},
        "web.x.test": {"A": ["10.0.0.1", "10.0.0.2"], "AAAA": ["fd00::1"]},
        "alias.x.test": {"CNAME": ["web.x.test"]}, "nothing.x.test": {},
        "x.test": {"MX": [(10, "mail.x.test")], "NS": ["ns1.x.test", "ns2.x.test"]},
        "large.x.test": {"A": [f"10.1.{i // 200}.{i % 200}" for i in range(300)]},
        "fails.x.test": {"A": ["10.0.0.9"]}, "later.x.test": {"A": ["10.0.0.10"]},
    }


def http_answer(state):
    def answer(_, request):
        state["headers"].append(dict(request.headers))
        return state["status"], state["type"], state["body"].encode()
    return answer


def labels_of(targets):
    keep = ("__address__", "__meta_dns_name", "__meta_dns_srv_record_target", "__meta_dns_srv_record_port",
            "__meta_dns_mx_record_target", "__meta_dns_ns_record_target", "__meta_url", "zone")
    return sorted(tuple((k, t[k]) for k in keep if t.get(k)) for t in targets)


def inside():
    dns = Dns()
    dns.zone = zone()
    state = {"status": 200, "type": "application/json", "headers": [],
             "body": json.dumps([{"targets": ["h:1", "h:2"], "labels": {"zone": "z"}}, {"targets": ["h:3"]}])}
    with Stack() as stack:
        server = Target(http_answer(state))
        stack.callback(server.close)
        config = "global: {scrape_interval: 1h}\nscrape_configs:\n"
        ours = ""
        for job, (names, kind, port) in JOBS.items():
            ours += (f'discovery.dns "{job}" {{\n  names = {json.dumps(names)}\n  type = "{kind}"\n  port = {port}\n'
                     '  refresh_interval = "1s"\n}\n')
            if kind == "NS":
                continue  # Debian's Prometheus is too old for it
            config += (f"- job_name: {job}\n  dns_sd_configs:\n"
                       f"  - {{names: {json.dumps(names)}, type: {kind}, port: {port}, refresh_interval: 1s}}\n")
        url = f"http://127.0.0.1:{server.port}/targets"
        config += f"- job_name: http\n  http_sd_configs: [{{url: '{url}', refresh_interval: 1s}}]\n"
        ours += f'discovery.http "http" {{\n  url = "{url}"\n  refresh_interval = "1s"\n}}\n'
        jobs = [*JOBS, "http"]
        for job in jobs:
            component = "http" if job == "http" else "dns"
            ours += (f'prometheus.scrape "{job}" {{\n  job_name = "{job}"\n'
                     f'  targets = discovery.{component}.{job}.targets\n  scrape_interval = "1h"\n'
                     "  forward_to = []\n}\n")
        prometheus = stack.prometheus("direct", config)
        collector = stack.collector(ours)

        def both():
            theirs = {job: [] for job in jobs}
            for t in prometheus.api("targets")["activeTargets"]:
                theirs[t["scrapePool"]].append(t["discoveredLabels"])
            mine = {job: [] for job in jobs}
            answer = json.loads(get(collector.url + "/api/v0/targets"))
            for t in answer["targets"] if isinstance(answer, dict) else answer:
                mine[t["discovered_labels"]["job"]].append(t["discovered_labels"])
            mine = {j: labels_of(t) for j, t in mine.items()}
            theirs = {j: labels_of(t) for j, t in theirs.items()}
            theirs["ns"] = [(("__address__", f"ns{i}.x.test:53"), ("__meta_dns_name", "x.test"),
                             ("__meta_dns_ns_record_target", f"ns{i}.x.test.")) for i in (1, 2)]
            return theirs, mine

        def same(what, expected):
            """`expected`: how many targets some jobs have by then."""
            def settled():
                theirs, mine = both()
                return all(len(theirs[j]) == n and len(mine[j]) == n for j, n in expected.items()) and theirs == mine
            try:
                wait_for(what, settled)
            except AssertionError:
                theirs, mine = both()
                for j in jobs:
                    if theirs[j] != mine[j] or len(mine[j]) != expected.get(j, len(mine[j])):
                        print(f"  {j}: Prometheus {len(theirs[j])} {theirs[j][:3]}, ours {len(mine[j])} {mine[j][:3]}")
                print(collector.output()[-3000:])
                raise
            print(f"{what}: {({j: len(t) for j, t in both()[1].items()})}")

        same("at first", {"srv": 2, "a": 2, "alias": 2, "aaaa": 1, "mx": 1, "ns": 2, "short": 2, "rooted": 2, "rooted_short": 0,
                          "large": 300, "fails": 1, "later": 1, "http": 3})
        # A server that fails says nothing about a name; a server that does not know it does.
        dns.rcode["fails.x.test"] = 2
        del dns.zone["later.x.test"]
        del dns.zone["_m._tcp.x.test"]
        dns.zone["web.x.test"]["A"] = ["10.0.0.3"]
        same("names go and fail", {"srv": 0, "a": 1, "alias": 1, "short": 1, "fails": 1, "later": 0})
        for status, kind, body in ((500, "application/json", "[]"), (200, "text/html", "[]"),
                                   (200, "application/json", "{}"), (200, "application/json", "[null]")):
            state.update(status=status, type=kind, body=body)
            time.sleep(2.5)
            same(f"{status} {kind} {body}", {"http": 3})
        state.update(status=200, type="Application/JSON; charset=UTF-8", body='[{"targets": ["h:4"]}]')
        same("another answer", {"http": 1})
        names = {n for h in state["headers"] for n in h}
        check({"X-Prometheus-Refresh-Interval-Seconds", "Accept", "User-Agent"} <= names, f"headers: {names}")
        agents = {h.get("User-Agent", "").split("/")[0] for h in state["headers"]}
        check("libcollector" in agents, f"user agents: {agents}")
        # Another resolv.conf: no restart is needed.
        dns.zone["web.y.test"] = {"A": ["10.0.0.4", "10.0.0.5", "10.0.0.6"]}
        with open("/etc/resolv.conf", "w") as f:
            f.write("nameserver 127.0.0.1\nsearch y.test x.test\n")
        same("another search list", {"short": 3, "a": 1})
        check(collector.stop() == 0, collector.output())
        print("ok")


def main():
    need("prometheus")
    if os.environ.get("DISCOVERY_INSIDE"):
        return inside()
    setup = ("ip link set lo up && printf 'nameserver 127.0.0.1\\nsearch nowhere.test x.test\\n' > \"$1/resolv.conf\" "
             '&& mount --bind "$1/resolv.conf" /etc/resolv.conf && shift && exec "$@"')
    with Stack() as stack:
        probe = ["unshare", "-rnm", "sh", "-c", setup, "sh", stack.folder]
        if subprocess.run([*probe, "true"], capture_output=True).returncode != 0:
            print("SKIP: no namespaces here")
            sys.exit(SKIP)
        done = subprocess.run([*probe, sys.executable, os.path.abspath(__file__)],
                              env={**os.environ, "DISCOVERY_INSIDE": "1"})
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
