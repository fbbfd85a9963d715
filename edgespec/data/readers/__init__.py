"""Files into arrays: archives, texts, task lists, labels."""
