"""gunicorn's settings that do not change from machine to machine; WEB_CONCURRENCY gives the processes."""

worker_class = "gthread"
#: Segment's senders and load balancers keep connections for about a minute.
keepalive = 75
#: Heroku and Kubernetes kill after 30 seconds.
graceful_timeout = 20
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
