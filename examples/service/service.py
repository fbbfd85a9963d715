"""A small HTTP service that classifies spectrum files: python examples/service/service.py BUNDLE [PORT]

    curl --data-binary @spectrum.csv http://127.0.0.1:8080/

It runs the program of the bundle (`predict.py` of `edgespec export`), which needs numpy and ONNX Runtime, not edgespec. It listens on this machine
only and takes files of at most 5 MB. Every file is read in a process of its own, so that a damaged file cannot end the service.
"""

import json
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LARGEST = 5_000_000
SECONDS = 60


class Handler(BaseHTTPRequestHandler):
    """Answer a POSTed spectrum file with JSON."""

    bundle = Path()

    def do_POST(self) -> None:
        """Classify the file in the body."""
        size = int(self.headers.get("Content-Length") or 0)
        if not 0 < size <= LARGEST:
            self._answer(413, {"error": f"a file of 1 to {LARGEST} bytes is expected"})
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "spectrum.csv"
            path.write_bytes(self.rfile.read(size))
            command = [sys.executable, str(self.bundle / "runner.py"), "predict", str(self.bundle), str(path), "--json"]
            try:
                ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
                *spectra, summary = [
                    json.loads(line) for line in ended.stdout.splitlines()
                ]  # a line each, then one for all
                told = {"spectra": spectra, "answered": summary["answered"], "refused": summary["refused"]}
                self._answer(200 if ended.returncode == 0 else 422, told)
            except subprocess.TimeoutExpired:
                self._answer(504, {"error": f"no answer in {SECONDS} s"})
            except ValueError:
                self._answer(500, {"error": ended.stderr.strip()[-500:]})

    def _answer(self, code: int, told: object) -> None:
        content = json.dumps(told).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    Handler.bundle = Path(sys.argv[1])
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8080
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()
