"""A plain-HTTP door to the API server that counts what passes: one for each tool, so that requests and bytes compare."""

from __future__ import annotations

import http.client
import http.server
import ssl
import threading
from dataclasses import dataclass, field

HOP = {"connection", "transfer-encoding", "keep-alive", "upgrade", "content-length"}


@dataclass
class Count:
    """What one tool asked and got."""

    requests: int = 0
    watches: int = 0
    bytes_read: int = 0
    lines: list[str] = field(default_factory=list)


class Door:
    """Listens on loopback; forwards everything to `host` with the admin's certificate."""

    def __init__(self, host: str, tls: ssl.SSLContext) -> None:
        self.count = Count()
        lock, count = threading.Lock(), self.count

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Silence."""

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    count.requests += 1
                    count.watches += "watch=" in self.path
                    count.lines.append(f"{self.command} {self.path}")
                upstream = http.client.HTTPSConnection(host, context=tls, timeout=900)
                try:
                    headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP | {"host"}}
                    upstream.request(self.command, self.path, body or None, headers)
                    self.pass_on(upstream.getresponse())
                except (OSError, http.client.HTTPException):
                    self.close_connection = True
                finally:
                    upstream.close()

            def pass_on(self, answer: http.client.HTTPResponse) -> None:
                self.send_response(answer.status)
                for key, value in answer.getheaders():
                    if key.lower() not in HOP:
                        self.send_header(key, value)
                if answer.status in {204, 304} or self.command == "HEAD":
                    self.end_headers()
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                while block := answer.read1(65536):
                    with lock:
                        count.bytes_read += len(block)
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def kubeconfig(self, namespace: str) -> str:
        """A kubeconfig that leads through this door."""
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return (
            f"apiVersion: v1\nkind: Config\ncurrent-context: bench\n"
            f"clusters: [{{name: bench, cluster: {{server: '{url}'}}}}]\nusers: [{{name: bench, user: {{}}}}]\n"
            f"contexts: [{{name: bench, context: {{cluster: bench, user: bench, namespace: {namespace}}}}}]\n"
        )

    def close(self) -> None:
        """Ends the door."""
        self.server.shutdown()
        self.server.server_close()
