"""The command `serinus`: what people run on their own machine, and in CI.

Reading arguments and files, and printing, belong here; deciding and simulating are done below.
"""
