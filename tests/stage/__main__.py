"""`python -m tests.stage`: bring up what is missing of the cluster, the images and the operator."""

from tests.stage.stage import bring_up

if __name__ == "__main__":
    bring_up()
