"""Ray Serve with an application for each behaviour: `python serve_ray.py PORT METRICS_PORT`.

One Ray for all of them, since each brings half a dozen processes: what tells the applications
apart is what tells pods apart elsewhere.
"""

import signal
import sys

import ray
from ray import serve
from starlette.requests import Request

from scorecard import score

TRIES = 5
"""Its processes give each other 15 seconds to start, which a busy machine does not."""


@serve.deployment(ray_actor_options={"num_cpus": 0})
class Scorecard:
    def __init__(self, misbehaviour: str) -> None:
        self._misbehaviour = misbehaviour

    async def __call__(self, request: Request) -> float:
        return score(await request.json(), self._misbehaviour)


if __name__ == "__main__":
    port, metrics = int(sys.argv[1]), int(sys.argv[2])
    for left in reversed(range(TRIES)):
        try:
            ray.init(num_cpus=4, _metrics_export_port=metrics, include_dashboard=False)
            break
        except Exception as error:
            if not left:
                raise
            print(f"Ray did not start: {error}", flush=True)
            ray.shutdown()
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    for behaviour in ("good", "raises", "slow", "crashes"):
        serve.run(Scorecard.bind(behaviour), name=behaviour, route_prefix=f"/{behaviour}")
    print("serving", flush=True)
    signal.pause()
