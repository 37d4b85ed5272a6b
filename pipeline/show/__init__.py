"""What a person looks at: progress on the console, progress GIFs, reports on the machine."""
