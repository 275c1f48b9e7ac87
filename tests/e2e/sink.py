"""A remote-write 1.0 receiver that decodes by hand: an implementation independent of ours."""
import contextlib
import http.server
import math
import socket
import struct
import threading

from harness import QuietServer


def uncompress(data):
    """Snappy block format (github.com/google/snappy, format_description.txt)."""
    size = shift = at = 0
    while True:
        b = data[at]
        at += 1
        size |= (b & 127) << shift
        shift += 7
        if b < 128:
            break
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        kind = tag & 3
        if kind == 0:
            n = tag >> 2
            if n >= 60:
                width = n - 59
                n = int.from_bytes(data[at:at + width], "little")
                at += width
            out += data[at:at + n + 1]
            at += n + 1
            continue
        if kind == 1:
            n = ((tag >> 2) & 7) + 4
            offset = ((tag >> 5) << 8) | data[at]
            at += 1
        else:
            width = 2 if kind == 2 else 4
            n = (tag >> 2) + 1
            offset = int.from_bytes(data[at:at + width], "little")
            at += width
        for _ in range(n):
            out.append(out[-offset])
    if len(out) != size:
        raise ValueError("snappy: wrong length")
    return bytes(out)


def fields(data):
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            b = data[at]
            at += 1
            value |= (b & 127) << shift
            shift += 7
            if b < 128:
                return value

    while at < len(data):
        tag = varint()
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            yield number, varint()
        elif kind == 1:
            yield number, data[at:at + 8]
            at += 8
        elif kind == 2:
            n = varint()
            yield number, data[at:at + n]
            at += n
        else:
            raise ValueError(f"wire type {kind}")


def decode(body):
    for number, series in fields(uncompress(body)):
        if number != 1:
            continue
        labels, samples = {}, []
        for n, part in fields(series):
            if n == 1:
                pair = dict(fields(part))
                labels[pair.get(1, b"").decode()] = pair.get(2, b"").decode()
            elif n == 2:
                sample = dict(fields(part))
                value = struct.unpack("<d", sample.get(1, b"\0" * 8))[0]
                stamp = sample.get(2, 0)
                samples.append((stamp - (1 << 64) if stamp >> 63 else stamp, value))
        for stamp, value in samples:
            yield labels, stamp, value


class Sink:
    """status(n) chooses the answer to the n-th request; what is answered 2xx counts as received."""

    def __init__(self, status=lambda n: 204, headers=lambda n: {}, port=0):
        self.received = []
        self.requests = 0
        self.errors = []
        self.connections = set()
        self.closed = False
        self.lock = threading.Lock()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                with sink.lock:
                    sink.connections.add(self.connection)

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                with sink.lock:
                    # A sender that died in the middle of a request did not make it.
                    if len(body) < length or sink.closed:
                        self.close_connection = True
                        return
                    sink.requests += 1
                    n = sink.requests
                    code = status(n)
                    if 200 <= code < 300:
                        try:
                            sink.received.extend(decode(body))
                        except (ValueError, IndexError, struct.error) as e:
                            sink.errors.append(str(e))
                            code = 400
                    # Under the lock: what close() finds received is answered too.
                    self.send_response(code)
                    for k, v in headers(n).items():
                        self.send_header(k, v)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_):
                pass

        self.server = QuietServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/api/v1/write"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def samples(self, name, instance=None):
        with self.lock:
            return [(l, t, v) for l, t, v in self.received
                    if l.get("__name__") == name and (instance is None or l.get("instance") == instance)
                    and not math.isnan(v)]

    def close(self):
        """Dead for new connections and for those that are open."""
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            self.closed = True
            for connection in self.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
