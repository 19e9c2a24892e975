"""The store when events are late, lost, repeated, or about a namesake."""

from typing import Any

import pytest

from serinus.cluster import Store

Manifest = dict[str, Any]


def deployment(
    version: int,
    name: str = "fraud-abc",
    uid: str = "u1",
    owner: str = "fraud",
    owner_uid: str = "o1",
    namespace: str = "ns",
    generation: int | None = None,
) -> Manifest:
    """Each version has another spec, unless a generation is given."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "generation": generation or version,
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "resourceVersion": str(version),
            "labels": {"serinus.dev/name": owner},
            "ownerReferences": [{"uid": owner_uid, "controller": True}],
            "managedFields": [{"manager": "serinus"}],
        },
    }


def take_list(
    store: Store, kind: str, found: list[Manifest], version: int, namespace: str | None = None
) -> None:
    """A page for each object."""
    listing = store.begin_list(kind, namespace)
    store.take_page(listing, (), version)
    for live in found:
        store.take_page(listing, [live], version)
    store.end_list(listing)


def version(store: Store, name: str = "fraud-abc") -> str | None:
    live = store.get("Deployment", "ns", name)
    return live["metadata"]["resourceVersion"] if live else None


def test_the_newer_version_wins_whatever_comes_last() -> None:
    store = Store()
    assert store.put(deployment(10))
    assert not store.put(deployment(9))
    assert not store.put(deployment(10)), "what is known already changes nothing"
    assert version(store) == "10"


def test_the_event_of_a_running_write_is_no_news_and_any_other_is() -> None:
    store = Store()
    before = deployment(10, generation=1)
    store.put(before)
    with store.expecting({**before, "status": {"replicas": 2.0}}):
        written = {**deployment(11, generation=1), "status": {"replicas": 2}}
        written["metadata"]["managedFields"] = [{"manager": "another"}]
        assert not store.put(written), "its event came before its answer"
        assert version(store) == "11"
        changed = {**deployment(12, generation=2), "status": {"replicas": 2}}
        assert store.put(changed), "somebody else has changed it since"
    assert store.put({**deployment(13, generation=1), "status": {"replicas": 2}})


def test_a_write_that_fails_is_no_longer_expected() -> None:
    store = Store()
    store.put(deployment(10))
    with pytest.raises(TimeoutError), store.expecting(deployment(11)):
        raise TimeoutError
    assert store.put(deployment(11))


def test_a_deployments_status_is_news_where_it_is_read() -> None:
    def at(version: int, **status: Any) -> Manifest:
        return {**deployment(version, generation=1), "status": {"replicas": 2, **status}}

    store = Store()
    store.put(at(10))
    assert not store.put(at(11, updatedReplicas=2))
    assert version(store) == "11", "a later write is conditional on it"
    assert store.put(at(12, updatedReplicas=2, readyReplicas=1))
    progressing = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
    assert not store.put(at(13, readyReplicas=1, conditions=[progressing]))
    failing = {"type": "ReplicaFailure", "status": "True", "message": "quota"}
    assert store.put(at(14, readyReplicas=1, conditions=[progressing, failing]))


def test_whether_a_gateway_has_accepted_a_route_is_news() -> None:
    def at(version: int, accepted: str) -> Manifest:
        condition = {"type": "Accepted", "status": accepted}
        route = {**deployment(version, generation=1), "kind": "HTTPRoute"}
        return {**route, "status": {"parents": [{"conditions": [condition]}]}}

    store = Store()
    store.put(at(10, "True"))
    assert store.put(at(11, "False"))
    assert not store.put(at(12, "False"))


def test_a_deletion_is_news_once() -> None:
    store = Store()
    store.put(deployment(10))
    assert not store.remove(deployment(9)), "what is known is newer"
    assert store.remove(deployment(12))
    assert not store.remove(deployment(12)), "as that of an object that we have deleted"


def test_a_deletion_that_a_finalizer_delayed_is_news_although_we_deleted_the_object() -> None:
    store = Store()
    store.put(deployment(10))
    store.remove(deployment(10))
    gone = deployment(12)
    gone["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert store.remove(gone), "only now can another one take its name"


def test_another_object_with_the_same_name_and_content_is_news() -> None:
    store = Store()
    store.put(deployment(10, generation=1))
    again = deployment(12, generation=1)
    again["metadata"]["uid"] = "another"
    assert store.put(again), "nothing told of the deletion"


@pytest.mark.parametrize(
    "change",
    [
        {"annotations": {"serinus.dev/command": "abort/1"}},
        {"labels": {"team": "risk"}},
        {"finalizers": ["example.com/archive"]},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_users_change_after_a_running_write_is_news(change: dict[str, Any]) -> None:
    store = Store()
    before = deployment(10, generation=1)
    store.put(before)
    status = {"replicas": 2}
    with store.expecting({**before, "status": status}):
        changed = {**deployment(12, generation=1), "status": status}
        changed["metadata"] |= change
        assert store.put(changed)


def test_versions_compare_as_numbers() -> None:
    store = Store()
    store.put(deployment(9))
    assert store.put(deployment(10))


def test_a_late_event_does_not_bring_back_what_was_deleted() -> None:
    store = Store()
    store.put(deployment(10))
    store.remove(deployment(12))
    assert not store.put(deployment(11))
    take_list(store, "Deployment", [], 12)
    take_list(store, "Deployment", [], 12)
    assert not store.put(deployment(11)), "lists remember it too"
    assert version(store) is None


def test_an_object_that_gets_its_label_back_comes_back() -> None:
    store = Store()
    store.put(deployment(10))
    store.remove(deployment(12))
    assert store.put(deployment(13))
    assert version(store) == "13"


def test_a_namesake_replaces_what_was_deleted_and_survives_the_late_deletion() -> None:
    store = Store()
    store.put(deployment(10, uid="u1"))
    store.put(deployment(12, uid="u2"))
    store.remove(deployment(11, uid="u1"))
    assert version(store) == "12"


def test_a_list_removes_what_it_lacks_and_keeps_what_is_newer_than_it() -> None:
    store = Store()
    store.put(deployment(10, "old", uid="u1"))
    store.put(deployment(30, "new", uid="u2"))
    store.put(deployment(25, "listed", uid="u3"))
    take_list(store, "Deployment", [deployment(15, "listed", uid="u3")], 20)
    assert store.names("Deployment") == [("ns", "new"), ("ns", "listed")]
    assert version(store, "listed") == "25"


def test_an_object_deleted_while_the_list_was_on_its_way_stays_deleted() -> None:
    store = Store()
    store.put(deployment(10))
    store.remove(deployment(21))
    take_list(store, "Deployment", [deployment(10)], 20)
    assert version(store) is None


def test_a_list_of_one_namespace_leaves_the_others_alone() -> None:
    store = Store()
    store.put(deployment(10, namespace="other"))
    take_list(store, "Deployment", [], 20, "ns")
    assert store.names("Deployment") == [("other", "fraud-abc")]


def test_that_there_is_no_such_object_is_known_where_its_namespace_was_listed() -> None:
    store = Store()
    assert store.has("Deployment", "ns", "fraud-abc") is None
    take_list(store, "Deployment", [], 20, "ns")
    assert store.has("Deployment", "ns", "fraud-abc") is False
    assert store.has("Deployment", "other", "fraud-abc") is None
    store.put(deployment(21))
    assert store.has("Deployment", "ns", "fraud-abc") is True
    take_list(store, "Deployment", [], 22)
    assert store.has("Deployment", "other", "fraud-abc") is False
    store.clear("Deployment")
    assert store.has("Deployment", "ns", "fraud-abc") is None


def test_a_restored_etcd_with_lower_versions_is_believed() -> None:
    store = Store()
    take_list(store, "Deployment", [deployment(1000)], 1000)
    take_list(store, "Deployment", [deployment(40)], 50)
    assert version(store) == "40"
    assert store.put(deployment(60))


def test_children_are_those_that_this_very_owner_controls() -> None:
    store = Store()
    store.put(deployment(10, "mine"))
    store.put(deployment(11, "of-a-namesake-of-yesterday", uid="u2", owner_uid="o0"))
    store.put(deployment(12, "of-another", uid="u3", owner="loan", owner_uid="o2"))
    assert list(store.family("ns", "fraud", "o1").objects()) == [("Deployment", "mine")]


def test_a_child_that_was_left_behind_belongs_to_the_next_owner_of_its_name() -> None:
    store = Store()
    orphan = deployment(10, "fraud-abc", owner_uid="o0")
    orphan["metadata"]["ownerReferences"] = []
    orphan["metadata"]["labels"]["serinus.dev/revision"] = "abc"
    store.put(orphan)
    copied = deployment(11, "copied-by-somebody", uid="u2")
    copied["metadata"]["ownerReferences"] = []
    store.put(copied)
    assert list(store.family("ns", "fraud", "o1").objects()) == [("Deployment", "fraud-abc")]


def test_a_child_whose_label_changes_leaves_its_family() -> None:
    store = Store()
    store.put(deployment(10))
    store.put(deployment(11, owner="loan"))
    assert store.family("ns", "fraud", "o1").objects() == {}
    assert list(store.family("ns", "loan", "o1").objects()) == [("Deployment", "fraud-abc")]
    store.remove(deployment(12, owner="loan"))
    assert store.family("ns", "loan", "o1").objects() == {}


def test_a_kind_that_is_no_longer_served_is_forgotten_and_may_come_back() -> None:
    store = Store()
    take_list(store, "Deployment", [deployment(10)], 20)
    store.clear("Deployment")
    assert store.family("ns", "fraud", "o1").objects() == {}
    assert store.put(deployment(15, uid="u2"))


def test_field_managers_are_not_kept() -> None:
    store = Store()
    given = deployment(10)
    store.put(given)
    kept = store.get("Deployment", "ns", "fraud-abc")
    assert kept is not None
    assert "managedFields" not in kept["metadata"]
    assert "managedFields" in given["metadata"], "what was given is left as it was"


def endpoint_slice(name: str, service: str, *addresses: str) -> Manifest:
    labels = {"serinus.dev/name": "fraud", "kubernetes.io/service-name": service}
    metadata = {"name": name, "namespace": "ns", "uid": name, "resourceVersion": "1"}
    endpoints = [{"addresses": [each], "conditions": {"ready": True}} for each in addresses]
    head = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
    return {**head, "metadata": {**metadata, "labels": labels}, "endpoints": endpoints}


def test_endpoints_are_counted_by_service_over_all_its_slices() -> None:
    store = Store()
    store.put(endpoint_slice("one", "fraud-abc", "10.0.0.1", "10.0.0.2"))
    store.put(endpoint_slice("two", "fraud-abc", "10.0.0.2", "10.0.0.3"))
    store.put(endpoint_slice("three", "fraud-xyz", "10.0.0.4"))
    assert store.ready_endpoints("ns", "fraud", "fraud-abc") == 3
    assert store.ready_endpoints("ns", "fraud", "fraud-gone") == 0
    assert store.family("ns", "fraud", "o1").objects() == {}, "they belong to the Service"


def test_a_slice_whose_label_of_the_service_somebody_removed_counts_for_none() -> None:
    store = Store()
    stripped = endpoint_slice("one", "fraud-abc", "10.0.0.1")
    del stripped["metadata"]["labels"]["kubernetes.io/service-name"]
    store.put(stripped)
    assert store.ready_endpoints("ns", "fraud", "fraud-abc") == 0


def test_what_is_done_to_an_object_that_was_handed_out_does_not_reach_the_store() -> None:
    store = Store()
    store.put(deployment(10))
    handed_out = store.get("Deployment", "ns", "fraud-abc")
    assert handed_out is not None
    handed_out["metadata"]["resourceVersion"] = "99"
    store.family("ns", "fraud", "o1").objects()["Deployment", "fraud-abc"]["metadata"].clear()
    assert version(store) == "10"


def test_a_child_is_unpacked_once_and_again_when_it_has_changed() -> None:
    store = Store()
    store.put(deployment(10, "same"))
    store.put(deployment(11, "changes", uid="u2"))
    store.put(deployment(12, "goes", uid="u3"))
    family = store.family("ns", "fraud", "o1")
    before = family.objects()
    assert family.put(deployment(13, "changes", uid="u2"))
    assert not family.put(deployment(13, "changes", uid="u2"))
    family.remove(deployment(14, "goes", uid="u3"))
    after = family.objects()
    assert set(after) == {("Deployment", "same"), ("Deployment", "changes")}
    assert after["Deployment", "same"] is before["Deployment", "same"]
    assert after["Deployment", "changes"]["metadata"]["resourceVersion"] == "13"


def test_there_is_nothing_of_a_kind_that_is_not_served() -> None:
    store = Store()
    assert store.has("Gateway", "shop", "public") is None
    store.clear("Gateway", absent=True)
    assert store.has("Gateway", "shop", "public") is False
    store.clear("Gateway")
    assert store.has("Gateway", "shop", "public") is None
    store.clear("Gateway", absent=True)
    take_list(store, "Gateway", [], 7, "elsewhere")
    assert store.has("Gateway", "shop", "public") is None


def test_a_list_changes_nothing_before_its_last_page() -> None:
    store = Store()
    store.put(deployment(10, "old", uid="u1"))
    store.put(deployment(11, "listed", uid="u2"))
    listing = store.begin_list("Deployment")
    store.take_page(listing, [deployment(15, "listed", uid="u2")], 20)
    assert (version(store, "old"), version(store, "listed")) == ("10", "11")
    assert store.has("Deployment", "ns", "unknown") is None
    store.end_list(listing)
    assert (version(store, "old"), version(store, "listed")) == (None, "15")
    assert store.has("Deployment", "ns", "unknown") is False


def test_what_happens_between_two_pages_is_newer_than_the_list() -> None:
    store = Store()
    for uid in ("kept", "goes", "changes"):
        store.put(deployment(10, uid, uid=uid))
    listing = store.begin_list("Deployment")
    store.take_page(listing, [deployment(15, uid, uid=uid) for uid in ("goes", "changes")], 20)
    store.remove(deployment(21, "goes", uid="goes"))
    store.put(deployment(22, "changes", uid="changes"))
    store.put(deployment(23, "comes", uid="comes"))
    store.take_page(listing, [deployment(10, "kept", uid="kept")], 20)
    store.end_list(listing)
    assert {name for _, name in store.names("Deployment")} == {"kept", "changes", "comes"}
    assert version(store, "changes") == "22"


def test_a_list_that_was_given_up_leaves_no_trace() -> None:
    store = Store()
    store.put(deployment(10))
    store.take_page(store.begin_list("Deployment"), [deployment(15, "other", uid="u2")], 20)
    take_list(store, "Deployment", [deployment(10)], 30)
    assert store.names("Deployment") == [("ns", "fraud-abc")]


def test_a_restored_etcd_is_believed_once_its_list_is_complete() -> None:
    store = Store()
    take_list(store, "Deployment", [deployment(1000), deployment(900, "gone", uid="u2")], 1000)
    listing = store.begin_list("Deployment")
    store.take_page(listing, [deployment(40)], 50)
    assert version(store) == "1000", "what serves is not forgotten while the list is read"
    store.end_list(listing)
    assert (version(store), version(store, "gone")) == ("40", None)


def test_the_next_list_brings_back_what_was_forgotten_while_a_list_was_read() -> None:
    store = Store()
    take_list(store, "Deployment", [deployment(5)], 10)
    listing = store.begin_list("Deployment")
    store.take_page(listing, [deployment(5)], 20)
    store.clear("Deployment", absent=True)
    store.end_list(listing)
    take_list(store, "Deployment", [deployment(5)], 30)
    assert version(store) == "5"


def test_a_late_deletion_leaves_the_newer_object() -> None:
    store = Store()
    store.put(deployment(51))
    store.remove(deployment(50))
    assert version(store) == "51"


def test_a_deletion_with_an_older_copy_does_not_make_it_any_earlier() -> None:
    store = Store()
    store.put(deployment(5))
    store.remove(deployment(11))
    store.remove(deployment(5))
    take_list(store, "Deployment", [deployment(8)], 10)
    assert version(store) is None
