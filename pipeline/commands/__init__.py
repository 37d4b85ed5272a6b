"""What the commands in `cli.py` are made with: options out of fields, their help, their errors."""
