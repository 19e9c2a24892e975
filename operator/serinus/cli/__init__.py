"""The command `serinus`, for users' machines and CI.

It reads arguments and files, and prints. Decisions and simulation belong to other packages.
"""
