"""What happened in the trial."""
