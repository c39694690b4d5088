"""A configuration of gunicorn: the master imports the application, and each worker fills the pool after its fork."""

preload_app = True


def post_fork(server: object, worker: object) -> None:
    """Begin as a worker."""
    import web_bound_late

    web_bound_late.fill()
