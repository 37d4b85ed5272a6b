"""What a batch is to paint: every painting with its name, out of a command line or a job file. Nothing is opened."""
