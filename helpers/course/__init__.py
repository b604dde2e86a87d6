"""The machinery that runs the course: set-up, doctor, notebooks, house rules, Colab.

No search module imports it.
"""
