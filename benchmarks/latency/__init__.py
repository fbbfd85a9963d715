"""What files, parts of a graph and measuring programs take."""
