"""prometheus.exporter.blackbox beside Debian's blackbox_exporter: the same modules aimed at the same servers on
loopback. Same families, types, help, labels, and the values that stand still. BLACKBOX_EXPORTER names another binary to
compare with, such as a newer release."""
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request

from blackbox_servers import certificates, irc, serve_dns, serve_http, serve_tcp, smtp, tls_context
from harness import Stack, check, free_port, get, need, wait_for
from unix_families import parse

# Of releases after Debian's 0.23.0.
NEWER = {"probe_tls_cipher_info", "probe_failed_due_to_bytes", "probe_timeout_seconds"}
NEWER_LABELS = {"probe_ssl_last_chain_info": {"serialnumber"}}
# Which later releases leave out where nobody was reached.
ALWAYS = {"probe_failed_due_to_regex", "probe_failed_due_to_bytes"}
MOVES = re.compile(r".*(duration_seconds|lookup_time_seconds)$")
COMPONENT = "/api/v0/component/prometheus.exporter.blackbox.b/metrics"

MODULES = r"""
modules:
  http_2xx: {prober: http, timeout: 5s}
  ip4: {prober: http, http: {preferred_ip_protocol: ip4}}
  ip4_only: &ip4_only {prober: http, http: {preferred_ip_protocol: ip4, ip_protocol_fallback: false}}
  ip6_only: {prober: http, http: {ip_protocol_fallback: false}}
  merged: {<<: *ip4_only, timeout: 2s}
  codes: {prober: http, http: {valid_status_codes: [404, 302], follow_redirects: false}}
  codes_regex: {prober: http, http: {valid_status_codes: [302], no_follow_redirects: true, fail_if_body_matches_regexp: [x]}}
  versions: {prober: http, http: {valid_http_versions: ["HTTP/1.1", "HTTP/2.0"]}}
  h1_only: {prober: http, http: {valid_http_versions: ["HTTP/1.1"], enable_http2: false, tls_config: {ca_file: "DIR/ca.pem"}}}
  h2: {prober: http, http: {valid_http_versions: ["HTTP/2.0"], tls_config: {ca_file: "DIR/ca.pem"},
       headers: {Host: srv.test}, fail_if_body_not_matches_regexp: [attic]}}
  post: {prober: http, http: {method: POST, body: "a box", headers: {X-Case: "1", Host: "attic.test"},
         fail_if_body_not_matches_regexp: ["^POST /echo\\?q=1 host=attic.test x=1 a box$"]}}
  head: {prober: http, http: {method: HEAD}}
  no_tls: {prober: http, http: {fail_if_ssl: true, tls_config: {ca_file: "DIR/ca.pem"}}}
  tls_only: {prober: http, http: {fail_if_not_ssl: true, tls_config: {ca_file: "DIR/ca.pem"}}}
  tls_lax: {prober: http, http: {tls_config: {insecure_skip_verify: true}}}
  tls_named: {prober: http, http: {tls_config: {ca_file: "DIR/ca.pem", server_name: srv.test}}}
  tls_misnamed: {prober: http, http: {tls_config: {ca_file: "DIR/ca.pem", server_name: x.test}}}
  tls_old: {prober: http, http: {tls_config: {ca_file: "DIR/ca.pem", max_version: TLS12}}}
  body_is: {prober: http, http: {fail_if_body_not_matches_regexp: ["attic", "(?i)FULL of"]}}
  body_is_not: {prober: http, http: {fail_if_body_matches_regexp: ["boxes\\.$"]}}
  header_is: {prober: http, http: {fail_if_header_not_matches: [{header: x-box, regexp: ^pine$}]}}
  header_is_not: {prober: http, http: {fail_if_header_matches: [{header: X-Box, regexp: oak}]}}
  header_lacks: {prober: http, http: {fail_if_header_matches: [{header: X-None, regexp: oak}]}}
  header_may_lack: {prober: http, http: {fail_if_header_matches: [{header: X-None, regexp: oak, allow_missing: true}]}}
  gzip: {prober: http, http: {compression: gzip, headers: {Accept-Encoding: gzip}, fail_if_body_not_matches_regexp: [attic]}}
  deflate: {prober: http, http: {compression: deflate}}
  small: {prober: http, http: {body_size_limit: 20B}}
  large: {prober: http, http: {body_size_limit: 1KB}}
  small_gzip: {prober: http, http: {compression: gzip, body_size_limit: 20B}}
  basic: {prober: http, http: {basic_auth: {username: user, password: secret}}}
  bearer: {prober: http, http: {authorization: {credentials: token}}}
  bearer_old: {prober: http, http: {bearer_token: token}}
  quick: {prober: http, timeout: 500ms}
  tcp: {prober: tcp}
  tcp_from: {prober: tcp, tcp: {source_ip_address: 127.0.0.1}}
  irc: {prober: tcp, timeout: 2s, tcp: {query_response: [{send: NICK prober}, {expect: "PING :([^ ]+)", send: "PONG ${1}"},
        {expect: "^:[^ ]+ 001"}]}}
  irc_no: {prober: tcp, timeout: 2s, tcp: {query_response: [{send: NICK prober}, {expect: "never"}]}}
  smtp: {prober: tcp, timeout: 3s, tcp: {tls_config: {ca_file: "DIR/ca.pem"}, query_response: [{expect: "^220 ([^ ]+) ESMTP (.+)$"},
        {send: "EHLO prober\r"}, {expect: "^250-STARTTLS"}, {send: "STARTTLS\r"}, {expect: "^220"}, {starttls: true},
        {send: "EHLO prober\r"}, {expect: "^250-AUTH"}, {send: "QUIT\r"}]}}
  tcp_tls: {prober: tcp, tcp: {tls: true, tls_config: {ca_file: "DIR/ca.pem"}}}
  icmp: {prober: icmp, timeout: 2s}
  icmp4: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, payload_size: 1000, ttl: 5, source_ip_address: 127.0.0.1}}
  icmp_whole: {prober: icmp, timeout: 2s, icmp: {preferred_ip_protocol: ip4, dont_fragment: true}}
  grpc: {prober: grpc, timeout: 2s, grpc: {service: box}}
  dns_missing: {prober: dns, dns: {query_name: missing.attic.test, query_type: A}}
  dns_missing_ok: {prober: dns, dns: {query_name: missing.attic.test, query_type: A, valid_rcodes: [NXDOMAIN]}}
  dns_tcp: {prober: dns, dns: {query_name: attic.test, query_type: A, transport_protocol: tcp, recursion_desired: false}}
  dns_tls: {prober: dns, dns: {query_name: attic.test, query_type: A, transport_protocol: tcp, dns_over_tls: true,
            tls_config: {ca_file: "DIR/ca.pem"}}}
  dns_any: {prober: dns, dns: {query_name: attic.test}}
"""
RULES = {"fail_if_matches_regexp": "10\\\\.1\\\\.2\\\\.4$", "fail_if_all_match_regexp": "10\\\\.1\\\\.2",
         "fail_if_not_matches_regexp": "2\\\\.4$", "fail_if_none_matches_regexp": "2\\\\.9$"}
# What a record's text must be, as miekg/dns writes it: that the other exporter succeeds shows that this is right.
TEXTS = {
    "A": r"^attic.test.\t300\tIN\tA\t10\.1\.2\.[34]$", "AAAA": r"^attic.test.\t300\tIN\tAAAA\t2001:db8::1$",
    "CNAME": r"\tCNAME\tbox\.attic\.test\.$", "MX": r"\tMX\t10 mail\.attic\.test\.$",
    "SRV": r"\tSRV\t1 2 5060 sip\.attic\.test\.$", "TXT": r'\tTXT\t"say \\"hi\\"" "back\\\\slash \\007"$',
    "SOA": r"\tSOA\tns\.attic\.test\. box\.attic\.test\. 2026112501 1 2 3 4$", "CAA": r'\tCAA\t0 issue "ca\.test"$',
    "DS": r"\tDS\t60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118$",
    "DNSKEY": r"\tDNSKEY\t257 3 8 c29tZSBrZXkgdGhhdCBpcyBub25l$",
    "RRSIG": r"\tRRSIG\tA 8 2 300 20231114221320 20230722042640 4711 attic\.test\. c2ln$",
    "NSEC": r"\tNSEC\tb\.attic\.test\. A MX RRSIG NSEC$", "TLSA": r"\tTLSA\t3 1 1 000102030405060708090a0b.*1e1f$",
    "SSHFP": r"\tSSHFP\t1 1 000102030405060708090A0B0C0D0E0F10111213$",
    "NAPTR": r'\tNAPTR\t100 50 "s" "SIP\+D2U" "!\^\.\*\$!x!" sip\.test\.$', "HINFO": r'\tHINFO\t"PDP" "UNIX"$',
    "PTR": r"\tPTR\ta\\\.b\\ c\\;d\.attic\.test\.$"}


def modules(folder):
    text = MODULES
    for kind, pattern in TEXTS.items():
        text += (f"  dns_{kind}: {{prober: dns, timeout: 2s, dns: {{query_name: attic.test, query_type: {kind}, "
                 f"validate_answer_rrs: {{fail_if_not_matches_regexp: [{json.dumps(pattern)}]}}}}}}\n")
    for section in ("answer", "authority", "additional"):
        for n, (rule, pattern) in enumerate(RULES.items()):
            text += (f"  dns_{section}_{n}: {{prober: dns, timeout: 2s, dns: {{query_name: attic.test, query_type: A, "
                     f'validate_{section}_rrs: {{{rule}: ["{pattern}"]}}}}}}\n')
    return text.replace("DIR", folder)


def cases(p):
    """(module, target, whether it must succeed or None where that depends on the machine)"""
    web, tls = f"http://127.0.0.1:{p['http']}", f"https://127.0.0.1:{p['https']}"
    out = [("http_2xx", f"{web}/{path}", good) for path, good in
           {"ok": 1, "chunked": 1, "old": 1, "missing": 0, "empty": 1, "redirect": 1, "set": 1, "loop": 0, "nowhere": 0,
            "cut": 0, "auth": 0}.items()]
    out += [("http_2xx", f"127.0.0.1:{p['http']}/ok", 1), ("http_2xx", f"http://127.0.0.1:{p['closed']}/", 0),
            ("http_2xx", f"http://no.such.host.invalid:{p['http']}/", 0), ("http_2xx", f"{tls}/ok", 0),
            ("http_2xx", "http://[bad", 0), ("ip4", f"http://localhost:{p['http']}/ok", 1),
            ("ip4_only", f"http://localhost:{p['http']}/ok", 1), ("ip6_only", f"{web}/ok", 0), ("merged", f"{web}/ok", 1),
            ("codes", f"{web}/missing", 1), ("codes", f"{web}/ok", 0), ("codes", f"{web}/redirect", 1),
            ("codes_regex", f"{web}/redirect", 0), ("versions", f"{web}/ok", 1), ("versions", f"{web}/old", 0),
            ("h1_only", f"{tls}/ok", 1), ("h2", f"https://127.0.0.1:{p['h2']}/attic.txt", 1), ("h2", f"{tls}/ok", 0),
            ("h1_only", f"https://127.0.0.1:{p['h2']}/attic.txt", 0), ("h2", f"https://127.0.0.1:{p['h2']}/none", 0), ("post", f"{web}/echo?q=1", 1), ("head", f"{web}/ok", 1), ("no_tls", f"{tls}/ok", 0),
            ("no_tls", f"{web}/ok", 1), ("tls_only", f"{tls}/ok", 1), ("tls_only", f"{web}/ok", 0),
            ("tls_only", f"{tls}/redirect", 1), ("tls_lax", f"{tls}/ok", 1), ("tls_named", f"{tls}/ok", 1),
            ("tls_misnamed", f"{tls}/ok", 0), ("tls_old", f"{tls}/ok", 1), ("body_is", f"{web}/ok", 1),
            ("body_is", f"{web}/missing", 0), ("body_is", f"{web}/chunked", 0), ("body_is_not", f"{web}/ok", 1),
            ("body_is_not", f"{web}/missing", 0), ("header_is", f"{web}/ok", 1), ("header_is", f"{web}/chunked", 0),
            ("header_is_not", f"{web}/ok", 0), ("header_lacks", f"{web}/ok", 0), ("header_may_lack", f"{web}/ok", 1),
            ("gzip", f"{web}/gzip", 1), ("deflate", f"{web}/deflate", 1), ("small", f"{web}/ok", 0), ("large", f"{web}/ok", 1),
            ("small_gzip", f"{web}/gzip", 0), ("basic", f"{web}/auth", 1), ("bearer", f"{web}/auth", 1),
            ("bearer_old", f"{web}/auth", 1), ("quick", f"{web}/slow", 0),
            ("tcp", f"127.0.0.1:{p['http']}", 1), ("tcp", f"127.0.0.1:{p['closed']}", 0), ("tcp", "127.0.0.1", 0),
            ("tcp_from", f"127.0.0.1:{p['http']}", 1), ("irc", f"127.0.0.1:{p['irc']}", 1),
            ("irc_no", f"127.0.0.1:{p['irc']}", 0), ("smtp", f"127.0.0.1:{p['smtp']}", 1), ("tcp_tls", f"127.0.0.1:{p['https']}", 1),
            ("tcp_tls", f"127.0.0.1:{p['http']}", 0), ("icmp", "127.0.0.1", None), ("icmp", "::1", None),
            ("icmp4", "127.0.0.1", None), ("icmp_whole", "127.0.0.1", None), ("grpc", f"127.0.0.1:{p['closed']}", 0)]
    dns = f"127.0.0.1:{p['dns']}"
    out += [(f"dns_{kind}", dns, 1) for kind in TEXTS]
    out += [(f"dns_{section}_{n}", dns, section == "answer" and n == 1)
            for section in ("answer", "authority", "additional") for n in range(4)]
    out = [c if c[0] not in ("dns_authority_0", "dns_additional_0") else (*c[:2], 1) for c in out]
    return out + [("dns_missing", dns, 0), ("dns_missing_ok", dns, 1), ("dns_tcp", dns, 1), ("dns_any", dns, 1),
                  ("dns_tls", f"127.0.0.1:{p['dot']}", 1), ("dns_A", f"127.0.0.1:{p['closed']}", 0)]


def ask(url, module, target, timeout=8):
    request = urllib.request.Request(f"{url}?{urllib.parse.urlencode({'module': module, 'target': target})}",
                                     headers={"X-Prometheus-Scrape-Timeout-Seconds": str(timeout)})
    with urllib.request.urlopen(request, timeout=20) as r:
        return r.read().decode()


def compare(case, theirs, ours, old):
    t_types, t_helps, t_samples = parse(theirs)
    o_types, o_helps, o_samples = parse(ours)
    problems = []
    for name in sorted(set(t_types) | set(o_types)):
        if name not in t_types and (name in NEWER if old else name in ALWAYS and "probe_success 1" not in ours):
            continue
        if old and case.startswith("grpc") and name == "probe_ssl_earliest_cert_expiry":
            continue  # 0.26 stopped writing it where there is no TLS
        if (t_types.get(name), t_helps.get(name)) != (o_types.get(name), o_helps.get(name)):
            problems.append(f"{name}: {o_types.get(name)} {o_helps.get(name)!r}, not {t_types.get(name)} {t_helps.get(name)!r}")
            continue
        newer = NEWER_LABELS.get(name, set()) if old else set()
        mine = {tuple(x for x in labels if x[0] not in newer): v for labels, v in o_samples.get(name, {}).items()}
        yours = t_samples.get(name, {})
        if MOVES.match(name):
            mine, yours = sorted(mine), sorted(yours)
        if mine != yours:
            problems.append(f"{name}: {mine}, not {yours}")
    return [f"{case}: {p}" for p in problems]


def refusals(url):
    for query, status, word in [("target=x&module=none", 400, "Unknown module"), ("module=http_2xx", 400, "missing"),
                                ("target=x&module=post&hostname=y", 400, "host header")]:
        try:
            get(f"{url}?{query}")
            check(False, f"{query} was answered")
        except urllib.error.HTTPError as e:
            text = e.read().decode()
            check(e.code == status and word in text, f"{query}: {e.code} {text}")


def health(stack, nghttpd, url):
    """A server that says of a gRPC service what a file holds; the other exporter wants a content type that nghttpd does
    not send, so that ours is compared with the protocol."""
    for name, message, trailer, good, state in [("good", b"\x08\x01", "grpc-status: 0", 1, "SERVING"),
                                                ("bad", b"\x08\x02", "grpc-status: 0", 0, "NOT_SERVING"),
                                                ("gone", b"", "grpc-status: 5", 0, "")]:
        folder = os.path.join(stack.folder, name, "grpc.health.v1.Health")
        os.makedirs(folder)
        with open(f"{folder}/Check", "wb") as f:
            f.write(b"\0\0\0\0" + bytes([len(message)]) + message)
        port = free_port()
        stack.start(f"nghttpd-{name}", [nghttpd, "--no-tls", "-a", "127.0.0.1", f"--trailer={trailer}", "-d",
                                        os.path.dirname(folder), str(port)])
        wait_for("nghttpd", lambda: "probe_success 1" in ask(url, "tcp", f"127.0.0.1:{port}"))
        _, _, samples = parse(ask(url, "grpc", f"127.0.0.1:{port}"))
        said = {dict(k)["serving_status"]: v for k, v in samples["probe_grpc_healthcheck_response"].items()}
        check(said == {s: float(s == state) for s in ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")}, f"{name}: {said}")
        check(samples["probe_success"][()] == good, f"{name}: probe_success")
        check(samples["probe_grpc_status_code"][()] == int(trailer[-1]), f"{name}: status code")
    print("grpc: a service that serves, one that does not, one that is unknown")


def scraped(stack, ports, config_file):
    """By prometheus.scrape, with targets from another component and a configuration from another file."""
    stack.write("targets.json", json.dumps([{"targets": [f"http://127.0.0.1:{ports['http']}/ok"],
                                             "labels": {"name": "found", "module": "ip4", "site": "attic", "job": "mine"}}]))
    collector = stack.collector(f"""
local.file "modules" {{
  filename = "{config_file}"
}}
discovery.file "d" {{
  files = ["{stack.folder}/targets.json"]
}}
prometheus.exporter.blackbox "found" {{
  config  = local.file.modules.content
  targets = discovery.file.d.targets
}}
prometheus.exporter.blackbox "named" {{
  config_file = "{config_file}"
  target {{
    name    = "web"
    address = "127.0.0.1:{ports['http']}/ok"
    labels  = {{ env = "dev" }}
  }}
  target {{
    name    = "slow"
    address = "127.0.0.1:{ports['http']}/slow"
  }}
}}
prometheus.scrape "s" {{
  targets         = array.concat(prometheus.exporter.blackbox.found.targets, prometheus.exporter.blackbox.named.targets)
  scrape_interval = "2s"
  scrape_timeout  = "1500ms"
  forward_to      = [collector.store.s.receiver]
}}
collector.store "s" {{ }}
""", name="scraped")

    def successes():
        answer = json.loads(get(collector.url + "/api/v0/store?search=probe_success"))
        return {s["labels"]["job"]: (s["labels"], s["points"][-1][1]) for s in answer["series"]}

    def rows():
        return json.loads(get(collector.url + "/api/v0/targets"))["targets"]

    # A probe that is slower than its scrape does not succeed, and does not lose its scrape.
    expected = {f"integrations/blackbox/{name}": value for name, value in (("found", 1), ("web", 1), ("slow", 0))}
    try:
        wait_for("probe_success", lambda: {job: value for job, (_, value) in successes().items()} == expected)
        wait_for("every scrape", lambda: all(r["health"] == "up" for r in rows()))
    except AssertionError:
        print(successes(), rows())
        raise
    labels, _ = successes()["integrations/blackbox/found"]
    check(labels["site"] == "attic" and labels["instance"] == "prometheus.exporter.blackbox.found", f"found: {labels}")
    labels, _ = successes()["integrations/blackbox/web"]
    check(labels["env"] == "dev", f"web: {labels}")
    print("scraped: labels, targets of other components, a probe cut before its scrape")


def main():
    openssl, nghttpd = need("openssl"), need("nghttpd")
    binary = os.environ.get("BLACKBOX_EXPORTER") or need("prometheus-blackbox-exporter")
    with Stack() as stack:
        certificates(stack, openssl)
        context = tls_context(stack)
        ports = {"http": serve_http(stack), "https": serve_http(stack, context), "irc": serve_tcp(stack, irc),
                 "smtp": serve_tcp(stack, smtp(context)), "closed": free_port()}
        ports["dns"], ports["dot"] = serve_dns(stack, context)
        ports["h2"] = free_port()
        stack.write("attic.txt", "an attic over HTTP/2")
        stack.start("nghttpd", [nghttpd, "-a", "127.0.0.1", "-d", stack.folder, str(ports["h2"]),
                                f"{stack.folder}/server.key", f"{stack.folder}/server.pem"])
        config = stack.write("modules.yml", modules(stack.folder))
        port = free_port()
        theirs = f"http://127.0.0.1:{port}"
        stack.start("blackbox", [binary, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"])
        collector = stack.collector(f'prometheus.exporter.blackbox "b" {{\n  config_file = "{config}"\n}}\n')
        ours = collector.url + COMPONENT
        version = wait_for("blackbox_exporter", lambda: re.search(r'build_info\{[^}]*[,{]version="([^"]*)"', get(theirs + "/metrics")))[1]
        old = tuple(int(x) for x in re.findall(r"\d+", version)[:2]) < (0, 28)
        wait_for("nghttpd", lambda: "probe_success 1" in ask(ours, "tcp", f"127.0.0.1:{ports['h2']}"))
        problems, compared = [], 0
        for module, target, good in cases(ports):
            a, b = ask(theirs + "/probe", module, target), ask(ours, module, target)
            found = compare(f"{module} {target}", a, b, old)
            success = "\nprobe_success 1\n" in b
            if good is not None and success != bool(good):
                found.append(f"{module} {target}: probe_success is {int(success)}")
            problems += found
            compared += len(parse(a)[0])
        print(f"{len(cases(ports))} probes beside blackbox_exporter {version}: {compared} families, "
              f"{len(problems)} differences")
        for p in problems[:60]:
            print("  " + p)
        refusals(ours)
        health(stack, nghttpd, ours)
        scraped(stack, ports, config)
    check(not problems, f"{len(problems)} differences")


if __name__ == "__main__":
    main()
