"""What a person looks at: progress on the console, progress GIFs, plots, reports on clips and on the machine."""
