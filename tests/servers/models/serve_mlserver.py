"""MLServer's runtime of the scorecard; started by `mlserver start`."""

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from scorecard import score


class Scorecard(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        features = {each.name: float(each.data[0]) for each in payload.inputs}
        output = ResponseOutput(name="score", shape=[1], datatype="FP64", data=[score(features)])
        return InferenceResponse(model_name=self.name, outputs=[output])
