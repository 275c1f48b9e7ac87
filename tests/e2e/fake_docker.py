"""A Docker Engine API as far as listing goes (docs.docker.com/reference/api/engine), on TCP or a Unix socket."""
import http.server
import json
import os
import re
import socket
import threading
import urllib.parse


def container(identity, name, networks, ports=(), labels=None, mode="bridge", image="nginx:1.25", state="running"):
    return {"Id": identity * 64, "Names": [f"/{name}"] if name else [], "Image": image, "ImageID": "sha256:" + "ab" * 32,
            "Command": "run", "Created": 1700000000, "Ports": list(ports), "Labels": labels or {}, "State": state,
            "Status": "Up 2 hours", "HostConfig": {"NetworkMode": mode},
            "NetworkSettings": {"Networks": {n: {
                "IPAMConfig": None, "Links": None, "Aliases": None, "NetworkID": f"net-{n}" + "0" * 50, "EndpointID": "e" * 64,
                "Gateway": "", "IPAddress": ip, "IPPrefixLen": 16, "IPv6Gateway": "", "GlobalIPv6Address": "",
                "GlobalIPv6PrefixLen": 0, "MacAddress": "02:42:ac:11:00:02"} for n, ip in networks.items()}},
            "Mounts": []}


def port(private, public=None, kind="tcp", ip="0.0.0.0"):
    out = {"PrivatePort": private, "Type": kind}
    if public:
        out.update(PublicPort=public, IP=ip)
    return out


def network(name, internal=False, labels=None):
    return {"Name": name, "Id": f"net-{name}" + "0" * 50, "Created": "2024-01-01T00:00:00Z", "Scope": "local",
            "Driver": "bridge", "EnableIPv6": False, "IPAM": {"Driver": "default", "Options": None, "Config": []},
            "Internal": internal, "Attachable": False, "Ingress": False, "ConfigFrom": {"Network": ""},
            "ConfigOnly": False, "Containers": {}, "Options": {}, "Labels": labels or {}}


def keeps(c, filters):
    """The filters of `GET /containers/json` that the tests use; values of one name are alternatives, labels are not."""
    for name, values in filters.items():
        values = list(values)  # a list, or a map to true as older clients send it
        if name == "label":
            for v in values:
                key, _, wanted = v.partition("=")
                if key not in c["Labels"] or ("=" in v and c["Labels"][key] != wanted):
                    return False
        elif name == "name":
            if not any(re.search(v, n) for v in values for n in c["Names"]):
                return False
        elif name == "status":
            if c["State"] not in values:
                return False
        else:
            raise ValueError(f"invalid filter '{name}'")
    return True


class FakeDocker:
    API_VERSION = "1.43"

    def __init__(self, path=None):
        self.containers, self.networks, self.requests, self.fail = [], [], [], False
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body, content_type="application/json"):
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Api-Version", fake.API_VERSION)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def do_GET(self):
                fake.requests.append(self.path)
                if fake.fail:
                    return self.answer(500, {"message": "the daemon is unwell"})
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                match = re.fullmatch(r"(?:/v(\d+)\.(\d+))?(/.*)", url.path)
                version, path = (match[1], match[2]), match[3]
                if version[1] and int(version[1]) > 43:
                    return self.answer(400, {"message": f"client version 1.{version[1]} is too new. Maximum supported API "
                                                        f"version is {fake.API_VERSION}"})
                if path == "/_ping":
                    return self.answer(200, b"OK", "text/plain")
                if path == "/version":
                    return self.answer(200, {"Version": "24.0.7", "ApiVersion": fake.API_VERSION, "MinAPIVersion": "1.12",
                                             "Os": "linux", "Arch": "amd64"})
                if path == "/containers/json":
                    try:
                        filters = json.loads(query.get("filters", "{}"))
                        everything = query.get("all", "0") in ("1", "true")
                        found = [c for c in fake.containers if (everything or "status" in filters or c["State"] == "running")
                                 and keeps(c, filters)]
                        return self.answer(200, found)
                    except ValueError as e:
                        return self.answer(400, {"message": str(e)})
                if path == "/networks":
                    return self.answer(200, fake.networks)
                return self.answer(404, {"message": "page not found"})

            do_HEAD = do_GET

            def address_string(self):
                return "client"

            def log_message(self, *_):
                pass

        if path:
            class Server(http.server.ThreadingHTTPServer):
                address_family = socket.AF_UNIX

                def server_bind(self):
                    self.socket.bind(path)

                def finish_request(self, request, _):
                    Handler(request, ("client", 0), self)

            self.server = Server(path, Handler, bind_and_activate=False)
            self.server.server_bind()
            self.server.server_activate()
            self.url = f"unix://{path}"
        else:
            self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            self.url = f"tcp://127.0.0.1:{self.server.server_address[1]}"
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that leave
        self.path = path
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        if self.path:
            os.unlink(self.path)
