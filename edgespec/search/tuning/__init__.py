"""`edgespec new --tune`: a setting chosen by folds inside the training part, within a budget of time."""
