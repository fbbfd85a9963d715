"""How the embedded data set is made, and how fast it is drawn."""
