"""Our graphs pass ONNX's own checker, and their external data lies as we promise: in one file beside the
graph, inside it, without overlaps, aligned as quantize/onnx/src/external.rs says."""

import onnx
from wheelwork import FAMILIES, TINY_R1, Verdict, arguments

PAGE_BYTES, VECTOR_BYTES, LARGE_BYTES = 4096, 64, 65536


def check_graph(path):
    """`full_check` infers every shape and compares it with the ones that the graph states. The checker knows ONNX's
    own operators; it passes over those of `com.microsoft`."""
    try:
        onnx.checker.check_model(str(path), full_check=True)
        problem = None
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        problem = str(error)
    verdict.expect(problem is None, f"{path.parent.parent.name}: the graph passes the checker", problem)


def check_external_data(path):
    """The places of all tensors that lie outside the graph."""
    tensors = onnx.load(str(path), load_external_data=False).graph.initializer
    places = []
    for tensor in tensors:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            place = {entry.key: entry.value for entry in tensor.external_data}
            places.append((place["location"], int(place["offset"]), int(place["length"])))
    files = {location for location, _, _ in places}
    verdict.expect(files == {"model.onnx.data"}, f"{len(places)} tensors lie in one file", files)
    unaligned = [
        place for place in places
        if place[1] % (PAGE_BYTES if place[2] >= LARGE_BYTES else VECTOR_BYTES) != 0
    ]
    verdict.expect(not unaligned, "large ones begin a page, small ones a vector", unaligned)
    ends = [0] + [offset + length for _, offset, length in sorted(places)]
    overlaps = [end for end, (_, offset, _) in zip(ends, sorted(places)) if offset < end]
    verdict.expect(not overlaps, "none overlaps another", overlaps)
    size = (path.parent / "model.onnx.data").stat().st_size
    verdict.expect(ends[-1] <= size, "all lie inside the file", f"the last ends at {ends[-1]} of {size}")


wheelwork, _ = arguments()
verdict = Verdict()
graphs = [(TINY_R1, quality) for quality in ("float", "fast", "balanced")]
graphs += [(config.parent, "float") for config in sorted(FAMILIES.glob("*/config.json"))]
for checkpoint, quality in graphs:
    graph = wheelwork.quantize(checkpoint, quality) / "cpu" / "model.onnx"
    check_graph(graph)
    check_external_data(graph)
verdict.finish()
