"""What the blackbox probes are aimed at: servers on loopback with the answers that the cases need."""
import gzip
import http.server
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time
import zlib

TEXT = b"Welcome to the attic.\nIt is full of boxes.\n"
MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"


class Http(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", headers=(), length=True):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.split("?")[0]
        size = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(size) if size else b""
        if path == "/ok":
            self.answer(200, TEXT, [("Last-Modified", MODIFIED), ("X-Box", "oak"), ("X-Box", "pine")])
        elif path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one", b"and two"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        elif path == "/old":
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold as the hills")
            self.close_connection = True
        elif path == "/missing":
            self.answer(404, b"no box")
        elif path == "/empty":
            self.answer(204, length=False)
        elif path == "/redirect":
            self.answer(302, b"over there", [("Location", "/ok")])
        elif path == "/set":
            self.answer(302, b"", [("Location", "/cookie"), ("Set-Cookie", "box=oak; Path=/; HttpOnly")])
        elif path == "/cookie":
            self.answer(200 if self.headers.get("Cookie") == "box=oak" else 403, b"cookie")
        elif path == "/loop":
            self.answer(301, b"", [("Location", "/loop")])
        elif path == "/nowhere":
            self.answer(302, b"nowhere")
        elif path == "/gzip":
            self.answer(200, gzip.compress(TEXT), [("Content-Encoding", "gzip")])
        elif path == "/deflate":
            pack = zlib.compressobj(wbits=-15)
            self.answer(200, pack.compress(TEXT) + pack.flush())
        elif path == "/auth":
            good = self.headers.get("Authorization") in ("Basic dXNlcjpzZWNyZXQ=", "Bearer token")
            self.answer(200 if good else 401, b"auth")
        elif path == "/echo":
            self.answer(200, b"%s %s host=%s x=%s %s" % (
                self.command.encode(), self.path.encode(), self.headers.get("Host").encode(),
                str(self.headers.get("X-Case")).encode(), sent))
        elif path == "/slow":
            time.sleep(3)
            self.answer(200, TEXT)
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 100)
            self.close_connection = True
        else:
            self.answer(500, b"what?")

    do_POST = do_HEAD = do_PUT = do_GET

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def serve_http(stack, context=None):
    server = Server(("127.0.0.1", 0), Http)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    return server.server_address[1]


def certificates(stack, openssl):
    """An authority and server certificates: name -> (chain, key); `ca.pem` in the stack's folder."""

    def run(*argv):
        subprocess.run([openssl, *argv], check=True, capture_output=True, cwd=stack.folder)

    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/C=DE/O=Attic/CN=Attic CA",
        "-keyout", "ca.key", "-out", "ca.pem")
    stack.write("server.ext", "subjectAltName=DNS:srv.test,DNS:localhost,IP:127.0.0.1")
    run("req", "-newkey", "rsa:2048", "-nodes", "-subj",
        "/C=DE/ST=Here/L=There, and \\+ back/O=Attic/OU=Boxes/OU=Oak/CN=srv.test/emailAddress=box@srv.test",
        "-keyout", "server.key", "-out", "server.csr")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "0x00a1b2c3", "-days",
        "3", "-extfile", "server.ext", "-out", "server.pem")


def tls_context(stack, alpn=()):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{stack.folder}/server.pem", f"{stack.folder}/server.key")
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def serve_tcp(stack, talk):
    """talk(socket) for each connection."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            try:
                talk(self.request)
            except OSError:
                pass

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stack.callback(server.shutdown)
    return server.server_address[1]


def irc(connection):
    lines = connection.makefile("rwb")
    lines.readline()
    lines.write(b"NOTICE wait\r\nPING :4711\r\n")
    lines.flush()
    lines.write(b":srv 001 hello\r\n" if lines.readline() == b"PONG 4711\n" else b"no\r\n")
    lines.flush()


def smtp(context):
    def talk(connection):
        lines = connection.makefile("rwb")
        lines.write(b"220 srv.test ESMTP box\r\n")
        lines.flush()
        lines.readline()
        lines.write(b"250-srv.test\r\n250-STARTTLS\r\n250 OK\r\n")
        lines.flush()
        lines.readline()
        lines.write(b"220 go\r\n")
        lines.flush()
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(100)
            secure.sendall(b"250-srv.test\r\n250-AUTH PLAIN\r\n")
            secure.recv(100)

    return talk


def name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.rstrip(".").split(".") if p) + b"\0"


def record(owner, kind, data, ttl=300, klass=1):
    return owner + struct.pack(">HHIH", kind, klass, ttl, len(data)) + data


def strings(*texts):
    return b"".join(bytes([len(t)]) + t.encode() for t in texts)


SELF = b"\xc0\x0c"  # the name in the question
RECORDS = {
    1: [record(SELF, 1, bytes([10, 1, 2, 3])), record(SELF, 1, bytes([10, 1, 2, 4]))],
    28: [record(SELF, 28, bytes.fromhex("20010db8000000000000000000000001"))],
    5: [record(SELF, 5, b"\x03box" + SELF)],
    15: [record(SELF, 15, struct.pack(">H", 10) + b"\x04mail" + SELF)],
    33: [record(SELF, 33, struct.pack(">HHH", 1, 2, 5060) + name("sip.attic.test"))],
    16: [record(SELF, 16, strings('say "hi"', "back\\slash \x07"))],
    6: [record(SELF, 6, name("ns.attic.test") + name("box.attic.test") + struct.pack(">IIIII", 2026112501, 1, 2, 3, 4))],
    257: [record(SELF, 257, b"\0" + strings("issue") + b"ca.test")],
    43: [record(SELF, 43, struct.pack(">HBB", 60485, 5, 1) + bytes.fromhex("2bb183af5f22588179a53b0a98631fad1a292118"))],
    48: [record(SELF, 48, struct.pack(">HBB", 257, 3, 8) + b"some key that is none")],
    46: [record(SELF, 46, struct.pack(">HBBIIIH", 1, 8, 2, 300, 1700000000, 1690000000, 4711) + name("attic.test") + b"sig")],
    47: [record(SELF, 47, name("b.attic.test") + b"\x00\x06\x40\x01\x00\x00\x00\x03")],
    52: [record(SELF, 52, bytes([3, 1, 1]) + bytes(range(32)))],
    44: [record(SELF, 44, bytes([1, 1]) + bytes(range(20)))],
    35: [record(SELF, 35, struct.pack(">HH", 100, 50) + strings("s", "SIP+D2U", "!^.*$!x!") + name("sip.test"))],
    13: [record(SELF, 13, strings("PDP", "UNIX"))],
    12: [record(SELF, 12, b"\x07a.b c;d" + name("attic.test"))],
}


def dns_answer(query, limit=None):
    identity, flags = struct.unpack(">HH", query[:4])
    end = query.index(b"\0", 12) + 5
    kind = struct.unpack(">H", query[end - 4:end - 2])[0]
    rcode = 3 if query[12:].startswith(b"\x07missing") else 0
    answers = [] if rcode else RECORDS.get(kind, [])
    authority = [record(name("attic.test"), 2, name("ns.attic.test"), 60)]
    extra = [record(name("ns.attic.test"), 1, bytes([10, 9, 9, 9]), 60)]
    head = struct.pack(">HHHHHH", identity, 0x8400 | (flags & 0x0100) | rcode, 1, len(answers), len(authority), len(extra))
    return head + query[12:end] + b"".join(answers + authority + extra)


def serve_dns(stack, context=None):
    """A port for UDP and TCP, and one for TLS."""

    def talk(connection):
        size = struct.unpack(">H", connection.recv(2))[0]
        answer = dns_answer(connection.recv(size))
        connection.sendall(struct.pack(">H", len(answer)) + answer)

    def secure(connection):
        with context.wrap_socket(connection, server_side=True) as inner:
            talk(inner)

    port = serve_tcp(stack, talk)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", port))

    def run():
        while True:
            query, peer = udp.recvfrom(4096)
            answer = dns_answer(query)
            udp.sendto(b"\xff\xff" + answer[2:], peer)  # of another question
            udp.sendto(answer, peer)

    threading.Thread(target=run, daemon=True).start()
    return port, serve_tcp(stack, secure)
