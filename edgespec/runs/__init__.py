"""What is done with a finished run; each file bears the name of its command."""
