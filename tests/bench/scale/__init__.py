"""How many ModelDeployments one operator carries, on fake nodes: requests, time, CPU and memory.

Here are what stands in for a gateway and for serving pods, the operator as a process, and the
figures that peers reached in the same set-up; what must hold for every change is a test.
"""
