"""gunicorn's settings that do not change from machine to machine; WEB_CONCURRENCY gives the processes.

On SIGHUP the master reads the settings again and exchanges its worker processes, forks that inherit them.
"""

import signal

from split_dest.web import last_good

worker_class = "gthread"
#: Segment's senders and load balancers keep connections for about a minute.
keepalive = 75
#: Heroku and Kubernetes kill after 30 seconds, and a stop during an exchange of processes waits for both.
graceful_timeout = 12
timeout = 30
#: A pixel's message stands in its address; 8,190 bytes are the most that gunicorn takes.
limit_request_line = 8190
# Otherwise gunicorn leaves a socket in the home directory.
control_socket_disable = True
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "split_dest.logs.JsonFormatter"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
    "root": {"handlers": ["stdout"], "level": "WARNING"},
    "loggers": {
        "gunicorn.error": {"handlers": ["stdout"], "level": "WARNING", "propagate": False},
        "gunicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}


def on_starting(_server: object) -> None:
    """Reads the settings before anybody is let in."""
    last_good()


def on_reload(_server: object) -> None:
    """Reads the settings again; the worker processes that take over have them."""
    last_good().read_again()


def post_worker_init(_worker: object) -> None:
    """Lets a worker process pass over what is sent to the whole process group and meant for the master."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
