"""The studio: settings tried on a local page while the painting appears, and the job started from there.

`wish.py`, `subject.py`, `drafts.py`, `live_painter.py`, `job_runner.py` and `room.py` know of no page; `page.py` is the
page, in the dress of `look.py`. `server.py` serves it, and `access.py` lets in nobody but who started it.
"""
