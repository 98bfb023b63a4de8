"""Whether the trees of a model file can be walked: compiled code does not check them again.

scikit-learn follows the children of a node and reads its feature without checking either, so a file
with wrong numbers could read outside its memory or walk in a circle for ever (skops says so where
it leaves `sklearn.tree._tree.Tree` off its own list of trusted types).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["tree_fault"]


def tree_fault(state: Mapping[str, Any]) -> str:
    """What is wrong with the first tree of a state that must not be walked; empty without one.

    Looks at everything that can be reached from `state`. A tree must belong to an estimator that
    compares the number of columns before it predicts; every child has a higher number than its
    parent, as scikit-learn numbers them, so that each walk ends; every feature is a column.
    """
    from sklearn.ensemble._gb import BaseGradientBoosting
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
    from sklearn.tree import BaseDecisionTree
    from sklearn.tree._tree import Tree

    for value in _reached(state):
        fault = ""
        if isinstance(value, BaseHistGradientBoosting):
            fault = _boosting_fault(vars(value))
        elif isinstance(value, BaseDecisionTree):
            fault = _decision_tree_fault(vars(value))
        elif isinstance(value, BaseGradientBoosting):
            fault = _stages_fault(vars(value))
        elif isinstance(value, (Tree, TreePredictor)):
            fault = "a tree belongs to no estimator that checks its columns"
        if fault:
            return fault
    return ""


def _reached(state: Mapping[str, Any]) -> Iterator[object]:
    """Every object once; the trees of an estimator that is checked whole are left out."""
    waiting: list[object] = [dict(state)]
    seen: dict[int, object] = {}  # keeps them alive, so that no id is given twice
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, (str, bytes, int, float)):
            continue
        seen[id(value)] = value
        yield value
        if isinstance(value, Mapping):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set)):
            waiting += value
        elif isinstance(value, np.ndarray):
            waiting += value.ravel().tolist() if value.dtype == object else []
        else:
            own = getattr(value, "__dict__", {})
            checked = _trees_of(value)
            waiting += [each for name, each in own.items() if name != checked]


def _trees_of(value: object) -> str:
    """Attribute with the trees that are checked together with an estimator; empty for others."""
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
    from sklearn.tree import BaseDecisionTree

    if isinstance(value, BaseDecisionTree):
        return "tree_"
    return "_predictors" if isinstance(value, BaseHistGradientBoosting) else ""


def _decision_tree_fault(own: Mapping[str, Any]) -> str:
    from sklearn.tree._tree import Tree

    tree, columns = own.get("tree_"), own.get("n_features_in_")
    if not isinstance(tree, Tree):
        return "" if tree is None else f"a {type(tree).__name__} stands in the place of a tree"
    if not _is_whole(columns) or tree.n_features != columns:
        return f"a tree of {tree.n_features} columns is in an estimator of {columns!r}"
    if not 1 <= tree.node_count == tree.capacity:  # before any node is read
        return f"a tree has {tree.capacity} nodes and says {tree.node_count}"
    left, right = tree.children_left, tree.children_right
    return _walk_fault(left == -1, left, right, tree.feature, tree.n_features)


def _boosting_fault(own: Mapping[str, Any]) -> str:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    columns: Any = own.get("n_features_in_")
    rounds = own.get("_predictors", [])
    if not _is_whole(columns):
        return f"an estimator has trees and {columns!r} columns"
    if not isinstance(rounds, list) or not all(isinstance(each, list) for each in rounds):
        return "the rounds of a gradient boosting are no lists of trees"
    for tree in (each for trees in rounds for each in trees):
        nodes = vars(tree).get("nodes") if isinstance(tree, TreePredictor) else None
        if not isinstance(nodes, np.ndarray) or nodes.dtype != PREDICTOR_RECORD_DTYPE:
            return "a tree of a gradient boosting has no nodes of its type"
        if nodes.ndim != 1 or not len(nodes) or nodes["is_categorical"].any():
            return "a tree of a gradient boosting has no node, or splits a column by categories"
        leaf, feature = nodes["is_leaf"] != 0, nodes["feature_idx"]
        fault = _walk_fault(leaf, nodes["left"], nodes["right"], feature, columns)
        if fault:
            return fault
    return ""


def _stages_fault(own: Mapping[str, Any]) -> str:
    """Of boosting that walks the trees of its stages itself; they are checked one by one too."""
    from sklearn.tree import BaseDecisionTree

    columns, stages = own.get("n_features_in_"), own.get("estimators_", [])
    for each in np.asarray(stages, dtype=object).ravel():
        if not isinstance(each, BaseDecisionTree) or vars(each).get("n_features_in_") != columns:
            return f"a stage of a boosting of {columns!r} columns has others"
    return ""


def _walk_fault(
    is_leaf: npt.NDArray[np.bool_],
    left: npt.NDArray[Any],
    right: npt.NDArray[Any],
    feature: npt.NDArray[Any],
    columns: int,
) -> str:
    """A walk goes to a higher number at each step and ends in a leaf."""
    number = np.flatnonzero(~is_leaf)
    for children in (left[~is_leaf].astype("int64"), right[~is_leaf].astype("int64")):
        wrong = (children <= number) | (children >= len(is_leaf))
        if wrong.any():
            at = number[wrong][0]
            return (
                f"node {at} of a tree of {len(is_leaf)} leads to node {children[wrong][0]}, not to "
                "a later one"
            )
    used = feature[~is_leaf]
    wrong = (used < 0) | (used >= columns)
    return f"a tree reads column {used[wrong][0]} of {columns}" if wrong.any() else ""


def _is_whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
