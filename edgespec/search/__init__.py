"""Explore what a searching recipe leaves open: every trial an ordinary run, chosen by validation, the front judged on the test part once."""

OBJECTIVES = {
    "accuracy": "maximize",
    "latency": "minimize",
    "instructions": "minimize",
    "size": "minimize",
    "params": "minimize",
    "macs": "minimize",
}
