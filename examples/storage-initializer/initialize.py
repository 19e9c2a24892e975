"""`initialize.py SOURCE FOLDER`: downloads a model, as the storage initializer of KServe does.

KServe's own package does that for s3://, gs://, hf://, https:// and http://; this adds
models:/name/version of the MLflow at MLFLOW_TRACKING_URI.
"""

import sys


def download(source: str, folder: str) -> None:
    """Put the files of the model into the folder."""
    if source.startswith("models:/"):
        from mlflow.artifacts import download_artifacts

        download_artifacts(artifact_uri=source, dst_path=folder)
    else:
        from kserve_storage import Storage

        Storage.download(source, folder)


if __name__ == "__main__":
    try:
        download(*sys.argv[1:])
    except Exception as error:
        sys.exit(f"{sys.argv[1]} cannot be downloaded: {type(error).__name__}: {error}")
