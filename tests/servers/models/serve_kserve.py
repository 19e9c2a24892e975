"""KServe's model server with the scorecard as a kserve.Model: `python serve_kserve.py PORT`."""

import sys

from kserve import Model, ModelServer

from scorecard import score


class Scorecard(Model):
    def __init__(self) -> None:
        super().__init__("scorecard")
        self.ready = True

    def predict(self, payload: dict, headers: dict | None = None) -> dict:
        return {"predictions": [score(each) for each in payload["instances"]]}


if __name__ == "__main__":
    ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1).start([Scorecard()])
