"""Which ModelDeployments are an operator's to act on."""

from typing import Any

from serinus.controller.scope import Scope


def model_deployment(namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": "fraud"}, "spec": spec}


def test_an_operator_that_is_given_no_class_acts_on_what_names_none() -> None:
    scope = Scope()
    assert scope.includes(model_deployment())
    assert scope.includes(model_deployment(**{"class": "default"}))
    assert not scope.includes(model_deployment(**{"class": "blue"}))


def test_an_operator_of_a_class_acts_on_that_class_alone() -> None:
    scope = Scope("blue")
    assert scope.includes(model_deployment(**{"class": "blue"}))
    assert not scope.includes(model_deployment())


def test_a_namespace_that_has_an_operator_of_its_own_is_left_out() -> None:
    scope = Scope()
    scope.left_out = frozenset({"lab"})
    assert scope.includes(model_deployment("shop"))
    assert not scope.includes(model_deployment("lab"))
