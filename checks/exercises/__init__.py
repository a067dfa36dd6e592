"""Grades a learner's work: the files of each exercise, and a grader in a process of its own."""
