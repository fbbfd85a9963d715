"""A teacher for `distill: {teacher: {command: [python, examples/teachers/rocket.py]}}`: MiniRocket of the package aeon (`pip install aeon`).

Dempster, Schmidt, Webb (2021), "MiniRocket: A Very Fast (Almost) Deterministic Transform for Time Series Classification", KDD.
"""

import sys

import numpy as np
from aeon.transformations.collection.convolution_based import MiniRocket
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

questions, answers = sys.argv[1:3]
with np.load(questions) as q:
    x, y, ask, labels = q["train_x"], q["train_y"], q["ask"], q["labels"]
    token, seed = q["questions"], int(q["seed"])

rocket = MiniRocket(random_state=seed).fit(x[:, None])
head = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)).fit(rocket.transform(x[:, None]), y)
p = np.zeros((len(ask), len(labels)))
for start in range(0, len(ask), 1000):  # the features of 1000 spectra take 80 MB
    part = slice(start, start + 1000)
    p[part, head.classes_] = head.predict_proba(rocket.transform(ask[part, None]))
np.savez(answers, probabilities=p / p.sum(1, keepdims=True), questions=token)
