"""Calls a model by gRPC and prints a line for each call: its status, and what answered."""

import sys
import time

import grpc

EVERY = 0.02
"""Seconds between two calls."""
PATIENCE = 10.0


def main(target: str, host: str) -> None:
    options = [("grpc.default_authority", host)]
    with grpc.insecure_channel(target, options) as channel:
        predict = channel.unary_unary("/serinus.Model/Predict")
        while True:
            try:
                print(f"OK {predict(b'', timeout=PATIENCE).decode()}", flush=True)
            except grpc.RpcError as error:
                print(f"{error.code().name} {error.details()}", flush=True)
            time.sleep(EVERY)


if __name__ == "__main__":
    main(*sys.argv[1:])
