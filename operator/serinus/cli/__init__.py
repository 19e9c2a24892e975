"""The command `serinus`, for users' machines and CI.

It reads arguments and files, calls kubectl, and prints. Decisions, simulation and the figures that
it shows belong to other packages.
"""
