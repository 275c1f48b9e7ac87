"""Consul's catalog and health API with blocking queries (developer.hashicorp.com/consul/api-docs)."""
import http.server
import json
import threading
import time
import urllib.parse


def instance(node, service, address, port, tags=(), meta=None, checks=("passing",), node_address="10.2.0.1", check_ids=None):
    ids = check_ids or [f"service:{service}-{i}" for i in range(len(checks))]
    return {"Node": {"ID": f"id-{node}", "Node": node, "Address": node_address, "Datacenter": "attic",
                     "TaggedAddresses": {"lan": node_address, "wan.v4": "198.51.100.2"}, "Meta": {"rack-id": "7"},
                     "CreateIndex": 1, "ModifyIndex": 1},
            "Service": {"ID": f"{service}-{port}", "Service": service, "Tags": list(tags), "Address": address,
                        "Meta": meta or {}, "Port": port, "Weights": {"Passing": 1, "Warning": 1},
                        "EnableTagOverride": False, "CreateIndex": 1, "ModifyIndex": 1},
            "Checks": [{"Node": node, "CheckID": i, "Name": "c", "Status": s, "Notes": "", "Output": "",
                        "ServiceID": f"{service}-{port}", "ServiceName": service} for i, s in zip(ids, checks)]}


class FakeConsul:
    def __init__(self, token="t0k"):
        self.index, self.instances, self.requests, self.fail = 10, [], [], False
        self.changed = threading.Condition()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body, index=None):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if index is not None:
                    self.send_header("X-Consul-Index", str(index))
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
                fake.requests.append((url.path, query))
                if fake.fail:
                    return self.answer(500, b"No cluster leader")
                if self.headers.get("X-Consul-Token") != token:
                    return self.answer(403, b"Permission denied")
                if url.path == "/v1/agent/self":
                    return self.answer(200, {"Config": {"Datacenter": "attic", "NodeName": "n"}, "Member": {}})
                wanted = int(query.get("index", ["0"])[0])
                seconds = float(query.get("wait", ["0ms"])[0].rstrip("ms")) / 1000
                with fake.changed:
                    end = time.monotonic() + min(seconds, 60)
                    while fake.index <= wanted and time.monotonic() < end and not fake.fail:
                        fake.changed.wait(0.1)
                    rows = [i for i in fake.instances if all(i["Node"]["Meta"].get(*m.split(":")[:1]) == m.split(":")[1]
                                                             for m in query.get("node-meta", []))]
                    index = fake.index
                if url.path == "/v1/catalog/services":
                    out = {}
                    for i in rows:
                        tags = out.setdefault(i["Service"]["Service"], [])
                        tags += [t for t in i["Service"]["Tags"] if t not in tags]
                    return self.answer(200, out, index)
                if url.path.startswith("/v1/health/service/"):
                    name = urllib.parse.unquote(url.path.rsplit("/", 1)[1])
                    return self.answer(200, [i for i in rows if i["Service"]["Service"] == name
                                             and all(t in i["Service"]["Tags"] for t in query.get("tag", []))], index)
                return self.answer(404, b"no such page")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that leave
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def set(self, instances):
        with self.changed:
            self.instances = list(instances)
            self.index += 1
            self.changed.notify_all()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
