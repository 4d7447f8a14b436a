"""Which part of a network's graph is the decoding: what must stay in float32 whatever the precision of the rest."""

from __future__ import annotations

from collections import defaultdict
from os.path import commonprefix

import onnx

_LEARNT = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_SMALL_MAPS = 8
"""Maps are small once the picture has shrunk by this."""


def decoding_nodes(graph: onnx.GraphProto) -> frozenset[str]:
    """Names of the last layers of the head and of everything behind them.

    Behind the last learnt layers boxes are in pixels and scores near 0 or 1: half precision would move a box by half a
    pixel, eight bits by several. The last layers themselves are small.

    Args:
        graph: of a contract-1 model whose nodes have names of their own (``named``).
    """
    users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for value in node.input:
            users[value].append(node)
    behind: dict[str, frozenset[str]] = {}
    leads_to_learnt: dict[str, bool] = {}
    for node in reversed(graph.node):  # nodes are in topological order
        after = [user for value in node.output for user in users[value]]
        behind[node.name] = frozenset().union(*({user.name} | behind[user.name] for user in after))
        leads_to_learnt[node.name] = any(user.op_type in _LEARNT or leads_to_learnt[user.name] for user in after)
    last = [node.name for node in graph.node if node.op_type in _LEARNT and not leads_to_learnt[node.name]]
    return frozenset(last).union(*(behind[name] for name in last))


def head_nodes(graph: onnx.GraphProto) -> frozenset[str]:
    """Names of the whole head, the decoding included: what eight bits would spoil.

    With the head in eight bits scores fell by .04 on average and one claim in seven was lost; in float32 it costs a
    fiftieth of the time. Exporters name a node after the module it comes from, ``/model.23/…``: the head is the module
    that the last learnt layers share. Where names tell no module it is the decoding alone.
    """
    decoding = decoding_nodes(graph)
    last = [node.name for node in graph.node if node.name in decoding and node.op_type in _LEARNT]
    module = commonprefix(last).rpartition("/")[0]
    if not module:
        return decoding
    return decoding | {node.name for node in graph.node if node.name.startswith(f"{module}/")}


def first_convolution(graph: onnx.GraphProto) -> str:
    """Name of the layer that sees the picture."""
    return next(str(node.name) for node in graph.node if node.op_type == "Conv")


def kept_in_float(model: onnx.ModelProto) -> frozenset[str]:
    """Names of all nodes that eight bits would spoil: the head, and those that see the picture at a large size.

    Down to an eighth of the picture's side values span far more than later on: with these few layers in eight bits as
    well, log odds of scores scattered two to three times as widely, and a third more claims changed sides.

    Args:
        model: of contract 1, with nodes that have names of their own (``named``).
    """
    graph = model.graph
    shrunk = {graph.input[0].name: 1}  # by how much a value's maps are smaller than the picture
    large: set[str] = set()
    for node in graph.node:
        before = [shrunk[value] for value in node.input if value in shrunk]
        if before:
            after = min(before) * _stride(node)
            shrunk |= dict.fromkeys(node.output, after)
            large |= {node.name} if after < _SMALL_MAPS else set()
    return frozenset(large) | {first_convolution(graph)} | head_nodes(graph)


def _stride(node: onnx.NodeProto) -> int:
    """By how much a node shrinks its input; enlarging happens in the neck alone, among small maps."""
    return max([1, *(int(stride) for each in node.attribute if each.name == "strides" for stride in each.ints)])


def named(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which every node has a name of its own."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    taken: set[str] = set()
    for index, node in enumerate(copy.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{index}"
        taken.add(node.name)
    return copy
