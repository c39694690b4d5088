"""How a call is refused: a status, and details in the trailing metadata as Google's servers send them."""

from importlib import import_module
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2

# Google ships these without types.
status_pb2: Any = import_module("google.rpc.status_pb2")
error_details_pb2: Any = import_module("google.rpc.error_details_pb2")


class Refusal(Exception):
    """The call ends with this status."""

    def __init__(self, code: grpc.StatusCode, message: str, *details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def end(self, context: grpc.ServicerContext) -> NoReturn:
        """End the call. An aborted transaction may be tried again at once, so that no test waits."""
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        trailer: list[tuple[str, bytes]] = [("grpc-status-details-bin", status.SerializeToString())]
        if self.code is grpc.StatusCode.ABORTED:
            at_once = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=1))
            trailer.append(("google.rpc.retryinfo-bin", at_once.SerializeToString()))
        context.set_trailing_metadata(tuple(trailer))
        context.abort(self.code, self.message)


def not_found(resource_type: str, name: str) -> Refusal:
    """Return Spanner's NOT_FOUND, with the type and the name of what is missing."""
    kind = resource_type.rpartition(".")[2]
    info = error_details_pb2.ResourceInfo(
        resource_type=f"type.googleapis.com/{resource_type}",
        resource_name=name,
        description=f"{kind} does not exist.",
    )
    return Refusal(grpc.StatusCode.NOT_FOUND, f"{kind} not found: {name}", info)
