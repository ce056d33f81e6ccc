"""The servers that benches ask: started on a port of this machine, and ended. Standard library only."""
import os
import re
import socket
import subprocess
import sys
import time


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Served:
    """`cake serve`, on a port that it found. said: where its complaints go."""

    def __init__(self, cake, said, *options, env=None):
        with open(said, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([*cake, "serve", "--listen", "127.0.0.1:0", *options], env=env,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        while True:
            with open(said, encoding="utf-8") as log:
                found = re.search(r"(http://[^ ,]+:\d+),", text := log.read())
            if found:
                self.endpoint = found[1]
                return
            if self.process.poll() is not None:
                sys.exit(f"error: cake serve ended\n{text}")
            time.sleep(0.02)

    def peak(self):
        """The most memory it has had, in bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) << 10

    def spent(self):
        """Its seconds of processor so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as status:
            words = status.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.terminate()
        self.process.wait()


class Waited:
    """A server whose port was chosen for it: started when it listens there."""

    def __init__(self, command, port, **options):
        self.endpoint = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"error: {command[0]} ended")
                time.sleep(0.02)

    def end(self):
        self.process.terminate()
        self.process.wait()


class Nginx(Waited):
    """A folder's files as they are."""

    def __init__(self, folder, home):
        port = free_port()
        os.makedirs(home, exist_ok=True)
        path = os.path.join(home, "nginx.conf")
        with open(path, "w", encoding="utf-8") as text:
            text.write(f"""
worker_processes 2; daemon off; pid {home}/pid; error_log {home}/error.log; user root;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home}; uwsgi_temp_path {home};
  scgi_temp_path {home};
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}""")
        super().__init__(["nginx", "-c", path, "-p", home], port, stderr=subprocess.DEVNULL)


class Olah(Waited):
    """A mirror of a Hub that keeps what it fetched under `home`: a process for each core, and no line for each request."""

    def __init__(self, python, home, upstream):
        port = free_port()
        os.makedirs(home, exist_ok=True)
        config, far = os.path.join(home, "olah.toml"), upstream.removeprefix("http://")
        with open(config, "w", encoding="utf-8") as text:
            text.write(f"""
[basic]
host = "127.0.0.1"
port = {port}
repos-path = "{home}/repos"
hf-scheme = "http"
hf-netloc = "{far}"
hf-lfs-netloc = "{far}"
mirror-scheme = "http"
mirror-netloc = "127.0.0.1:{port}"
mirror-lfs-netloc = "127.0.0.1:{port}"
""")
        # Its own command gives a process five seconds to start, and has no option for that.
        workers, said = len(os.sched_getaffinity(0)), os.path.join(home, "said")
        command = [os.path.join(os.path.dirname(python), "uvicorn"), "olah.server:app", "--host", "127.0.0.1", "--port",
                   str(port), "--workers", str(workers), "--timeout-worker-healthcheck", "60", "--no-access-log"]
        with open(said, "w", encoding="utf-8") as log:
            super().__init__(command, port, stdout=log, stderr=log, cwd=home,
                             env=os.environ | {"OLAH_CONFIG": config, "OLAH_LOG_PATH": os.path.join(home, "logs")})
        while True:
            with open(said, encoding="utf-8", errors="replace") as log:
                text = log.read()
            if text.count("Application startup complete") >= workers:
                return
            if self.process.poll() is not None:
                sys.exit(f"error: olah ended\n{text[-2000:]}")
            time.sleep(0.02)
