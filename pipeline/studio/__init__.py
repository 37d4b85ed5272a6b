"""The studio: settings tried on a local page while the painting appears, and the job started from there.

`studio.py` is all that the studio is at a time, and knows of no page, nor does anything it is made of: what is wished
for (`wish.py`), what is looked at (`subject.py`), drafts (`drafts.py`, `live_painter.py`), what is drawn (`drawing.py`,
`draft_masks.py`) and jobs (`job_runner.py`, `clip_player.py`). `page.py` and what is called `_tab` are the page, whose
look is in `look.py`. `server.py` serves it, and `access.py` lets in nobody but who started it. All that is called
`live_` but `live_painter.py` shows a job that runs in a terminal.
"""
