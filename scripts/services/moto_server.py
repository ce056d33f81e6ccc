"""moto's S3 on 127.0.0.1 at the port that is given. moto looks at a condition and writes in two steps, so writes come one at a time here:
else two of them could both find that theirs holds."""
import signal
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple


class OneWriteAtATime:
    def __init__(self, app):
        self.app = app
        self.writing = threading.Lock()

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return self.app(environ, start_response)
        with self.writing:
            return self.app(environ, start_response)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
application = OneWriteAtATime(DomainDispatcherApplication(create_backend_app))
run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True, request_handler=MotoRequestHandler)
