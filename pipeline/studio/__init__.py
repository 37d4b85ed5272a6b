"""The studio: settings tried while the painting appears, and the job started from there."""
