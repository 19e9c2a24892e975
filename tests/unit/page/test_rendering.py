"""HTML from real statuses: everything is escaped, and what is shown is what the views say."""

import copy
import json
import re
from html import unescape
from typing import Any

import pytest

from serinus.api.base import rfc3339
from serinus.page.known import KnownObjects
from serinus.page.rendering import Around, RowFilter, listed, message_page, rollout, rows, shown
from serinus.views.remedies import remedies
from tests.support.replayed import replayed

STATES = list(replayed())
NOW = 1_795_757_085.0
EVIL = "<script>alert('1')</script>\" onload=\"x"


def known(*states: dict[str, Any]) -> KnownObjects:
    found = KnownObjects()
    for each in states or STATES:
        found.put(each)
    return found


def around(*, login: bool = False) -> Around:
    return Around("./", login)


def the_list(of: KnownObjects, wanted: RowFilter = RowFilter(), *, part: bool = False) -> str:  # noqa: B008
    found = "".join(rows(of.rows(), wanted, NOW, "./"))
    return found if part else listed(found, wanted, NOW, around())


def the_rollout(of: KnownObjects, *, part: bool = False) -> str:
    seen = of.seen("demo", "loan")
    assert seen
    live = seen.live()
    found = "".join(rollout(live, of.history(live), NOW))
    return found if part else shown(found, "demo", "loan", NOW, around())


def poisoned(value: Any) -> Any:
    """Every text of a status, with what must not become HTML; names and reasons too."""
    if isinstance(value, dict):
        return {key: each if key in KEPT else poisoned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [poisoned(each) for each in value]
    return EVIL if isinstance(value, str) and not re.match(r"\d{4}-", value) else value


KEPT = {"phase", "verdict", "mode", "name", "kind", "revision", "stable", "type", "status"}


def test_all_text_of_a_status_is_escaped() -> None:
    state = copy.deepcopy(STATES[-2])
    for key in ("decisions", "conditions", "message", "candidate"):
        state["status"][key] = poisoned(state["status"][key])
    state["spec"]["model"] = {"version": EVIL}
    found = known(state)
    for html in (the_list(found), the_rollout(found), message_page(EVIL, EVIL, around())):
        assert "<script>alert" not in html
        assert '" onload="x' not in html
    assert EVIL in unescape(the_rollout(found))
    assert EVIL in unescape(the_list(found, RowFilter(EVIL)))


def test_the_page_of_a_rollout_says_what_to_type_as_explain_does() -> None:
    seen = known(STATES[-1]).seen("demo", "loan")
    assert seen
    typed = [each.command for each in remedies(seen.live())]
    assert typed == ["serinus retry loan --namespace=demo"]
    assert all(f"<code>{each}</code>" in the_rollout(known(STATES[-1])) for each in typed)


def test_nothing_is_inline_and_nothing_is_of_another_host() -> None:
    log_in = message_page("a", "b", around(login=True), form=True)
    for html in (the_list(known()), the_rollout(known()), log_in):
        assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", html) == []
        used = r'(?:src|href|action|hx-get|data-events)="([^"#][^"]*)"'
        assert [url for url in re.findall(used, html) if not url.startswith("./")] == []
        assert re.findall(r"https?:", html) == []


def test_a_step_that_must_be_approved_is_shown_as_such_and_by_whom_it_was() -> None:
    state = copy.deepcopy(STATES[-2])
    state["spec"]["rollout"]["steps"] = [{"setWeight": 20}, {"approval": {}}, {"pause": {}}]
    approved = {"reason": "Approved", "message": "Step 2 is approved by ann."}
    state["status"]["decisions"].insert(0, {**state["status"]["decisions"][0], **approved})
    html = unescape(the_rollout(known(state)))
    steps = re.search(r"<ol[^>]*>(.*?)</ol>", html, re.DOTALL)
    assert steps
    shown = [re.sub(r"<[^>]+>", "", each) for each in re.findall(r"<li.*?</li>", steps[1])]
    assert shown == ["done: 20%", "approval", "pause until advanced", "promote"]
    assert "Step 2 is approved by ann." in html


def test_the_rollout_is_shown_with_its_evidence_and_its_curves() -> None:
    html = unescape(the_rollout(known(*STATES[:-1])))
    status = STATES[-2]["status"]
    for words in (
        status["message"],
        *(each["message"] for each in status["candidate"]["checks"]),
        *(each["message"] for each in status["decisions"]),
        "tolerance 1.1 times + 0.1% · margin 1.5 times + 0.5%",
    ):
        assert words in html
    charts = [json.loads(one) for one in re.findall(r'data-chart="(\{.*?\})"', html)]
    kinds = [[kind for _, kind, _ in chart["lines"]] for chart in charts]
    assert kinds[0] == ["wanted", "candidate"]
    assert ["candidate", "stable"] in kinds and ["against", "towards"] in kinds
    assert all(len(values) == len(c["times"]) for c in charts for _, _, values in c["lines"])


def test_copies_are_a_line_of_their_own() -> None:
    mirrored = copy.deepcopy(STATES[-2])
    mirrored["status"]["candidate"]["weight"] = {"wanted": 0, "actual": 0, "mirrored": 20}
    mirrored["status"]["timeline"]["weights"][0] |= {"weight": 0, "mirrored": 20}
    html = unescape(the_rollout(known(mirrored)))
    assert '<span class="key copies">copies</span>' in html
    assert "0% of the traffic and copies of 20%" in html
    chart = json.loads(re.findall(r'data-chart="(\{.*?\})"', html)[0])
    assert chart["lines"][-1] == ["copies", "copies", [0, 20, 20]]


def test_after_a_rollback_the_reason_and_the_curves_are_still_there() -> None:
    html = unescape(the_rollout(known()))
    assert STATES[-1]["status"]["rejected"]["message"] in html
    assert "as seen last, before the decision" in html
    assert "data-chart" in html


def test_a_page_that_came_later_says_that_it_has_no_curves_yet() -> None:
    state = copy.deepcopy(STATES[-2])
    del state["status"]["candidate"]["measuredAt"]
    assert "There are no curves" in the_rollout(known(state))
    later = copy.deepcopy(STATES[-2])
    later["status"]["timeline"]["measuredSince"] = "2026-11-27T03:00:00Z"
    assert "later than the traffic" in the_rollout(known(later))


def test_a_part_is_what_the_whole_has_inside() -> None:
    for whole, part in (
        (the_list(known()), the_list(known(), part=True)),
        (the_rollout(known()), the_rollout(known(), part=True)),
    ):
        assert "<html" not in part
        assert part.strip() in whole


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (RowFilter(), 3),
        (RowFilter("shop"), 2),
        (RowFilter("SHOP fraud"), 1),
        (RowFilter("demo/loan"), 1),
        (RowFilter("v2"), 3),
        (RowFilter("", "RolledBack"), 1),
        (RowFilter("shop", "RolledBack"), 0),
    ],
)
def test_the_filter_takes_names_versions_and_a_phase(wanted: RowFilter, count: int) -> None:
    others = []
    for name in ("fraud", "price"):
        other = copy.deepcopy(STATES[1])
        other["metadata"] = {"namespace": "shop", "name": name}
        others.append(other)
    html = the_list(known(STATES[-1], *others), wanted)
    assert len(re.findall("<tr role", html)) == count + (count > 0)
    assert ("No rollout matches" in html) == (count == 0)


def test_each_kind_of_step_is_named_and_the_current_one_is_marked() -> None:
    state = copy.deepcopy(STATES[-2])
    steps = [{"setWeight": 20}, {"approval": {}}, {"pause": {}}, {"pause": {"duration": "5m"}}]
    state["spec"]["rollout"]["steps"] = steps
    state["status"]["candidate"]["step"] = 1
    html = the_rollout(known(state))
    listed_steps = re.findall(r'<li class="(\w+)"( aria-current="step")?>(.*)</li>', html)
    assert [(kind, bool(mark), text) for kind, mark, text in listed_steps] == [
        ("done", False, '<span class="hidden">done: </span>20%'),
        ("current", True, "approval"),
        ("pending", False, "pause until advanced"),
        ("pending", False, "pause 5m"),
        ("pending", False, "promote"),
    ]


def test_what_cannot_be_read_is_named_and_the_rest_is_shown() -> None:
    state = copy.deepcopy(STATES[-2])
    state["status"]["decisions"][0]["at"] = 1e300
    state["status"]["timeline"]["since"] = "0001-01-01T00:00:00+14:00"
    state["status"]["candidate"]["weight"]["actual"] = 1e300
    html = unescape(the_rollout(known(state)))
    for field in ("decisions[0].at", "timeline.since"):
        problem = f"status.{field}: must be a time in the years 1 to 9999"
        assert f"Cannot be read, and is left out: {problem}" in html
    assert state["status"]["message"] in html
    assert "<tr role" in the_list(known(state))


def test_a_guarded_rollout_says_how_long_it_is_guarded() -> None:
    state = copy.deepcopy(STATES[-2])
    promoted, day_later = rfc3339(NOW - 3600), rfc3339(NOW + 23 * 3600)
    state["status"]["candidate"] |= {
        "stage": "Guarded",
        "guarding": {"since": promoted, "until": day_later},
        "step": 32,
    }
    html = the_rollout(known(state))
    assert re.search(r'aria-current="step">guard, <span data-until="[\d.]+">23h</span> left', html)
    assert ">guarded<" in the_list(known(state))


def test_the_revisions_of_a_guard_are_the_previous_and_the_promoted_one() -> None:
    state = copy.deepcopy(STATES[-2])
    in_steps = the_rollout(known(state))
    assert "<h3>Stable</h3>" in in_steps and "The candidate has " in in_steps
    promoted, day_later = rfc3339(NOW - 3600), rfc3339(NOW + 23 * 3600)
    guarding = {"since": promoted, "until": day_later}
    state["status"]["candidate"] |= {"stage": "Guarded", "guarding": guarding}
    html = the_rollout(known(state))
    assert "<h3>Previous</h3>" in html and "<h3>Promoted</h3>" in html
    assert "The promoted revision has " in html and "The candidate has " not in html
    assert "Traffic of the promoted revision" in html
    assert "the candidate is the promoted revision, and stable the previous one." in html
    assert "<td>candidate</td>" not in html and "<td>stable</td>" not in html
    listed = the_list(known(state))
    assert " (previous)</td>" in listed and " (promoted)</td>" in listed


def test_a_guard_that_has_failed_says_that_the_traffic_is_being_taken_back() -> None:
    state = copy.deepcopy(STATES[-2])
    since = rfc3339(NOW - 60)
    begun = {"since": since, "reason": "GuardFailed", "message": "Check errors: worse."}
    state["status"]["candidate"] |= {
        "guarding": {"since": since, "until": rfc3339(NOW + 3600), "takingBack": begun},
        "stage": "TakingBack",
        "step": 32,
    }
    html = the_rollout(known(state))
    assert 'aria-current="step">taking back</li>' in html
    assert "left</li>" not in html
    assert ">taking back<" in the_list(known(state))


def test_a_check_in_audit_mode_is_marked_and_says_what_it_would_have_done() -> None:
    states = [copy.deepcopy(each) for each in STATES]
    enforced = the_rollout(known(*states[:-1]))
    for each in states:
        for check in each["status"].get("candidate", {}).get("checks", []):
            if check["name"] == "errors":
                failed = {"at": rfc3339(NOW), "weight": 5}
                check |= {"mode": "Audit", "verdict": "Fail", "firstFail": failed}
    html = unescape(the_rollout(known(*states[:-1])))
    assert '<h3 id="check/errors">errors (audit) <span class="verdict fail">Fail' in html
    assert '<p class="evidence">Would have rolled back at 5%, after ' in html
    assert "(audit)" not in enforced and "ould have rolled" not in enforced
    ended = the_rollout(known(*states))
    assert '<h3 id="check/errors">errors (audit) <span class="facts">as seen last' in ended
    assert "drift (audit)" not in ended


def test_the_list_begins_with_what_serves_nobody_then_with_what_needs_a_person() -> None:
    down = {"type": "Available", "status": "False", "reason": "Unavailable", "message": "No pod."}
    states = []
    for name, phase, conditions in (
        ("a", "Healthy", []),
        ("b", "Paused", []),
        ("c", "Progressing", [{**down, "lastTransitionTime": rfc3339(NOW)}]),
        ("d", "Progressing", []),
    ):
        state = copy.deepcopy(STATES[-1])
        state["metadata"]["name"] = name
        state["status"] |= {"phase": phase, "conditions": conditions}
        states.append(state)
    html = the_list(known(*states), part=True)
    assert re.findall(r'<a id="of/demo/(\w)"', html) == ["c", "b", "d", "a"]
    assert re.findall(r"serves nobody", html) == ["serves nobody"]


def test_the_last_retraining_is_shown_with_its_alarm_and_escaped() -> None:
    state = copy.deepcopy(STATES[-2])
    alarm = {"quantity": "featureDrift", "since": "2026-11-27T05:23:00.000Z", "message": EVIL}
    run = {
        "job": "loan-1",
        "since": "2026-11-27T06:23:00.000Z",
        "revision": "a",
        "alarms": [alarm],
        "outcome": "Running",
    }
    assert "Retraining" not in the_rollout(known(state), part=True)
    state["status"]["retraining"] = {"history": [run]}
    html = the_rollout(known(state), part=True)
    assert "Running: Job loan-1, started at 2026-11-27T06:23Z for featureDrift" in html
    assert EVIL not in html and EVIL in unescape(html)
