"""What Ray is told before it is imported: to listen here, and to take nothing from strangers.

Ray runs whatever it is sent, for whoever may send.
"""

import os

ALWAYS = {
    "RAY_AUTH_MODE": "token",  # of a file in the user's home, which Ray makes
    "RAY_USAGE_STATS_ENABLED": "0",
}
ON_THIS_MACHINE = {
    # Without it no other machine can join: this one's address is loopback's, and but for replicas'
    # own ports, which take the token, all listen there alone.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Calls between processes go straight there, not through Ray's store of objects.
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
}


def prepare_ray(*, here: bool) -> None:
    """Set what the environment does not say; `here` for a cluster of this machine alone."""
    for name, value in (ALWAYS | (ON_THIS_MACHINE if here else {})).items():
        os.environ.setdefault(name, value)
