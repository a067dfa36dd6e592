"""Exercises: `docs/exercises` as data, the learner's work, and a grader that runs in a process of its own."""
