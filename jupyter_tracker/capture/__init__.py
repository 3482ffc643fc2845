"""What is recorded around a run besides what the user logs: source, surroundings, output, figures."""
