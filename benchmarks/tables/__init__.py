"""Tables that put results of several scripts beside one another."""
