"""Most generated paths name a dataset that exists, so that requests reach more than its 404."""

import schemathesis


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if path_parameters and isinstance(path_parameters.get("dataset"), str):
        if sum(map(ord, path_parameters["dataset"])) % 8:
            path_parameters["dataset"] = "tiny"
    return path_parameters
