"""A Kubernetes API as far as reading goes: lists in pages, watches that resume, bookmarks, selectors, 410 Gone.

kubernetes.io/docs/reference/using-api/api-concepts. It can be told to break watches in every way that a client has
to live with."""
import copy
import http.server
import json
import re
import threading
import time
import urllib.parse

COLLECTIONS = {
    ("/api/v1", "pods"): ("Pod", "v1", True), ("/api/v1", "nodes"): ("Node", "v1", False),
    ("/api/v1", "services"): ("Service", "v1", True), ("/api/v1", "endpoints"): ("Endpoints", "v1", True),
    ("/api/v1", "namespaces"): ("Namespace", "v1", False),
    ("/apis/discovery.k8s.io/v1", "endpointslices"): ("EndpointSlice", "discovery.k8s.io/v1", True),
    ("/apis/networking.k8s.io/v1", "ingresses"): ("Ingress", "networking.k8s.io/v1", True),
}
PATH = re.compile(r"(/api/v1|/apis/[^/]+/v1)(?:/namespaces/([^/]+))?/([a-z]+)")


def fits(selector, values):
    """Equality and sets of equality, as label and field selectors have them."""
    for term in filter(None, re.split(r",(?![^(]*\))", selector)):
        m = re.fullmatch(r"([^=!\s]+)\s*(==|=|!=)\s*(.*)", term)
        s = re.fullmatch(r"(\S+) (in|notin) \((.*)\)", term)
        if m:
            if (values.get(m[1], "") == m[3]) == (m[2] == "!="):
                return False
        elif s:
            if (values.get(s[1]) in [v.strip() for v in s[3].split(",")]) == (s[2] == "notin"):
                return False
        elif (term.lstrip("!") in values) == term.startswith("!"):
            return False
    return True


def fields(o):
    out = {"metadata.name": o["metadata"]["name"], "metadata.namespace": o["metadata"].get("namespace", "")}
    out["spec.nodeName"] = o.get("spec", {}).get("nodeName", "")
    out["status.phase"] = o.get("status", {}).get("phase", "")
    return out


class FakeKubernetes:
    def __init__(self, token=None):
        self.version, self.oldest = 100, 0
        self.objects = {key: {} for key in COLLECTIONS}
        self.events = []  # (version, collection, type, object)
        self.changed = threading.Condition()
        self.requests = []  # (path, query)
        self.open_watches = 0
        self.cut = None                   # a label selector: its watch ends in the middle of its next line
        self.page_expires = False         # the next continue token is too old
        self.bookmark_every = 0.5
        self.token = token
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def status(self, code, reason, message):
                self.answer(code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                   "message": message, "reason": reason, "code": code})

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                fake.requests.append((url.path, query))
                if fake.token and self.headers.get("Authorization") != f"Bearer {fake.token}":
                    return self.status(401, "Unauthorized", "Unauthorized")
                if url.path == "/version":
                    return self.answer(200, {"major": "1", "minor": "29", "gitVersion": "v1.29.4", "platform": "linux/amd64"})
                m = PATH.fullmatch(url.path)
                key = m and (m[1], m[3])
                if key not in COLLECTIONS or (m[2] and not COLLECTIONS[key][2]):
                    return self.status(404, "NotFound", "the server could not find the requested resource")
                if "sendInitialEvents" in query:  # as servers before streaming lists
                    return self.status(422, "Invalid", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for "
                                       "watch unless the WatchList feature gate is enabled")
                if query.get("watch") in ("1", "true", "True"):
                    return self.watch(key, m[2], query)
                self.list(key, m[2], query)

            def selected(self, o, namespace, query):
                return ((not namespace or o["metadata"].get("namespace") == namespace)
                        and fits(query.get("labelSelector", ""), o["metadata"].get("labels", {}))
                        and fits(query.get("fieldSelector", ""), fields(o)))

            def list(self, key, namespace, query):
                kind, version, _ = COLLECTIONS[key]
                with fake.changed:
                    start, at = (0, fake.version)
                    if "continue" in query:
                        if fake.page_expires:
                            fake.page_expires = False
                            return self.status(410, "Expired", "The provided continue parameter is too old")
                        at, start = map(int, query["continue"].split(":"))
                    found = [o for _, o in sorted(fake.objects[key].items()) if self.selected(o, namespace, query)]
                    limit = int(query.get("limit") or 0) or len(found) + 1
                    page = copy.deepcopy(found[start:start + limit])
                    meta = {"resourceVersion": str(at)}
                    if start + limit < len(found):
                        meta["continue"] = f"{at}:{start + limit}"
                self.answer(200, {"kind": kind + "List", "apiVersion": version, "metadata": meta, "items": page})

            def chunk(self, data):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

            def watch(self, key, namespace, query):
                kind, api, _ = COLLECTIONS[key]
                at = int(query.get("resourceVersion") or 0) or fake.version
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                fake.open_watches += 1
                try:
                    self.stream(key, namespace, query, at, kind, api)
                except OSError:
                    pass
                finally:
                    fake.open_watches -= 1
                    self.close_connection = True

            def stream(self, key, namespace, query, at, kind, api):
                end = time.monotonic() + float(query.get("timeoutSeconds") or 300)
                bookmark = time.monotonic() + fake.bookmark_every
                while time.monotonic() < end:
                    with fake.changed:
                        if at < fake.oldest:
                            self.chunk(json.dumps({"type": "ERROR", "object": {
                                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                "message": f"too old resource version: {at} ({fake.oldest})", "reason": "Expired",
                                "code": 410}}).encode() + b"\n")
                            return self.chunk(b"")
                        fresh = [e for e in fake.events if e[0] > at and e[1] == key]
                        at = max([at, fake.version])
                        if not fresh:
                            fake.changed.wait(0.05)
                    for _, _, kind_of_event, o, before in fresh:
                        now_in = kind_of_event != "DELETED" and self.selected(o, namespace, query)
                        was_in = before is not None and self.selected(before, namespace, query)
                        if not now_in and not was_in:
                            continue
                        shown = "DELETED" if not now_in else "MODIFIED" if was_in else "ADDED"
                        line = json.dumps({"type": shown, "object": o}).encode() + b"\n"
                        if fake.cut is not None and fake.cut == query.get("labelSelector"):
                            fake.cut = None
                            self.chunk(line[:len(line) // 2])
                            self.connection.close()
                            return None
                        # In pieces: a line need not be a chunk.
                        self.chunk(line[:7])
                        self.chunk(line[7:])
                    if query.get("allowWatchBookmarks") in ("1", "true", "True") and time.monotonic() > bookmark:
                        bookmark = time.monotonic() + fake.bookmark_every
                        self.chunk(json.dumps({"type": "BOOKMARK", "object": {
                            "kind": kind, "apiVersion": api,
                            "metadata": {"resourceVersion": str(at), "creationTimestamp": None}}}).encode() + b"\n")
                return self.chunk(b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that leave
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _key(self, o):
        key = next(k for k, (kind, _, _) in COLLECTIONS.items() if kind == o["kind"])
        return key, (o["metadata"].get("namespace", ""), o["metadata"]["name"])

    def put(self, *objects):
        for o in objects:
            with self.changed:
                key, name = self._key(o)
                self.version += 1
                o = copy.deepcopy(o)
                o["metadata"]["resourceVersion"] = str(self.version)
                before = self.objects[key].get(name)
                self.objects[key][name] = o
                self.events.append((self.version, key, "MODIFIED" if before else "ADDED", o, before))
                self.changed.notify_all()

    def remove(self, kind, name, namespace=""):
        with self.changed:
            key = next(k for k, (known, _, _) in COLLECTIONS.items() if known == kind)
            self.version += 1
            before = self.objects[key].pop((namespace, name))
            gone = copy.deepcopy(before)
            gone["metadata"]["resourceVersion"] = str(self.version)
            self.events.append((self.version, key, "DELETED", gone, before))
            self.changed.notify_all()

    def compact(self):
        """Forget all versions but the newest: what watches from an older one is told 410 Gone."""
        with self.changed:
            self.version += 1
            self.oldest = self.version
            self.events.clear()
            self.changed.notify_all()

    def watches_of(self, collection):
        return [q for p, q in self.requests if p.endswith("/" + collection) and q.get("watch")]

    def lists_of(self, collection):
        return [q for p, q in self.requests if p.endswith("/" + collection) and not q.get("watch")]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
