"""A teacher for `distill: {teacher: {command: [python, examples/teachers/svm.py]}}`: a support vector machine of scikit-learn.

It learns from the training spectra in QUESTIONS.npz and writes a probability of each class for every spectrum that is asked about.
"""

import sys

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

questions, answers = sys.argv[1:3]
with np.load(questions) as q:
    x, y, ask, labels = q["train_x"], q["train_y"], q["ask"], q["labels"]
    token = q["questions"]

svm = make_pipeline(StandardScaler(), SVC(C=10.0, gamma="scale"))
folds = max(2, min(3, np.bincount(y)[np.unique(y)].min()))
fitted = CalibratedClassifierCV(svm, cv=folds).fit(x, y)
p = np.zeros((len(ask), len(labels)))
p[:, fitted.classes_] = fitted.predict_proba(ask)  # a class without a training spectrum gets 0
np.savez(answers, probabilities=p / p.sum(1, keepdims=True), questions=token)
