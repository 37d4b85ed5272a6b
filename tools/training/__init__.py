"""What trains feature networks from scratch: photos, distorted crops, tasks, the trainee, and what becomes of it."""
