"""`python -m tests.stage` brings up what is missing of the product on its cluster."""

from tests.stage.stage import bring_up

if __name__ == "__main__":
    bring_up()
