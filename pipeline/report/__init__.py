"""What is said: on the console, as lines of JSON, as a status, and as the HTML report of a batch."""
