"""An OCI registry: tags and digests, tokens, and bad days."""

import base64
from pathlib import Path

import pytest
from aiohttp import web

from serinus.api.registry import Reference
from serinus.registries.connection import HttpConnection
from serinus.registries.kind import UnreadableError
from serinus.registries.oci import OCI
from tests.support.following import following
from tests.support.registries import PASSWORD, TOKEN, USER, Behave, FakeOCI, answering

STABLE = Reference("models", "shop/fraud", "stable")


def with_one() -> FakeOCI:
    oci = FakeOCI()
    oci.push("shop/fraud", "stable", "1.0")
    return oci


def login(folder: Path) -> Path:
    (folder / "username").write_text(f"{USER}\n")
    (folder / "password").write_text(f"{PASSWORD}\n")
    return folder


async def test_a_tag_leads_to_a_digest() -> None:
    async with FakeOCI() as oci, following(oci.configured("OCI")) as under_test:
        digest = oci.push("shop/fraud", "stable", "1.0")
        version = (await under_test.answer(STABLE)).version
        assert version is not None and (version.version, version.digest) == ("1.0", digest)
        assert version.uri == f"oci://127.0.0.1:{oci.port}/shop/fraud@{digest}"
        assert oci.asked == [
            "HEAD /v2/shop/fraud/manifests/stable",
            f"GET /v2/shop/fraud/manifests/{digest}",
        ]


async def test_a_tag_that_stays_takes_a_head_and_no_pull() -> None:
    async with with_one() as oci, following(oci.configured("OCI")) as under_test:
        before = await under_test.answer(STABLE)
        for _ in range(3):
            assert (await under_test.later(STABLE, 70)).version is before.version
        assert [each.split()[0] for each in oci.asked] == ["HEAD", "GET", "HEAD", "HEAD", "HEAD"]
        digest = oci.push("shop/fraud", "stable", "1.1")
        moved = (await under_test.later(STABLE, 70)).version
        assert moved and (moved.version, moved.digest) == ("1.1", digest)


async def test_a_manifest_without_a_named_version_has_that_of_its_digest() -> None:
    async with FakeOCI() as oci, following(oci.configured("OCI")) as under_test:
        for named in ("", "a version", "../x"):
            digest = oci.push("shop/fraud", "stable", named)
            reference = Reference("models", "shop/fraud", "stable")
            under_test.registries.forget("shop", "fraud")
            version = (await under_test.answer(reference)).version
            assert version and version.version == digest[7:19]


async def test_the_digest_is_that_of_the_body_where_the_registry_does_not_say_it() -> None:
    async with FakeOCI(digests=False) as oci, following(oci.configured("OCI")) as under_test:
        digest = oci.push("shop/fraud", "stable", "1.0")
        before = (await under_test.answer(STABLE)).version
        assert before and before.digest == digest
        assert (await under_test.later(STABLE, 70)).version == before


async def test_a_token_of_the_registry_itself_is_asked_for_and_kept(tmp_path: Path) -> None:
    oci = with_one()
    oci.realm = f"{oci.url}/token"
    registry = oci.configured("OCI", login(tmp_path))
    async with oci, following(registry) as under_test:
        assert (await under_test.answer(STABLE)).version is not None
        await under_test.later(STABLE, 70)
        assert oci.issued == 1
        [asked] = [each for each in oci.asked if each.startswith("GET /token")]
        assert "scope=repository%3Ashop%2Ffraud%3Apull" in asked, "not what the challenge says"
        await under_test.later(STABLE, 400)
        assert oci.issued == 2, "the first one has expired"
        assert (await under_test.later(STABLE, 70)).error == ""


async def test_tokens_of_repositories_that_were_followed_once_are_not_kept_for_ever(
    tmp_path: Path,
) -> None:
    """Whoever edits a spec may name ever other ones."""
    oci = with_one()
    oci.realm = f"{oci.url}/token"
    now = 0.0
    async with oci, HttpConnection(oci.configured("OCI", login(tmp_path))) as connection:
        kind = OCI(oci.configured("OCI", tmp_path), connection, lambda: now)
        for number in range(5):
            with pytest.raises(UnreadableError, match="no such repository"):
                await kind.read(Reference("models", f"shop/fraud{number}", "stable"), None)
            now += 3600
        assert len(kind._tokens) == 1


async def test_credentials_go_to_no_other_host_than_the_configured_ones(tmp_path: Path) -> None:
    async with FakeOCI() as elsewhere, with_one() as oci:
        oci.realm = f"{elsewhere.url}/token"
        async with following(oci.configured("OCI", login(tmp_path))) as under_test:
            answer = await under_test.answer(STABLE)
            assert answer.version is None and "set its tokenUrl" in answer.error
            assert elsewhere.asked == []
        async with following(
            oci.configured("OCI", tmp_path, tokenUrl=f"{elsewhere.url}/token")
        ) as under_test:
            await under_test.answer(STABLE)
            assert len(elsewhere.asked) == 1


@pytest.mark.parametrize(
    "realm",
    [
        "OURS.evil/token",
        "OURS0/token",
        "OURS@evil/token",
        "OURS/a?b=c",
        "",
        "token",
        "//evil/token",
        "http://127.0.0.1.evil/token",
        "http://127.0.0.1:1@evil/token",
    ],
)
async def test_a_realm_that_only_looks_like_the_registry_gets_nothing(
    tmp_path: Path, realm: str
) -> None:
    async with with_one() as oci, following(oci.configured("OCI", login(tmp_path))) as under_test:
        named = realm.replace("OURS", oci.url)
        oci.behave = answering(401, WWW_Authenticate=f'Bearer realm="{named}"')
        assert "set its tokenUrl" in (await under_test.answer(STABLE)).error
        assert len(oci.asked) == 1


async def test_a_password_or_a_token_is_sent_and_read_again_when_it_changes(tmp_path: Path) -> None:
    async with with_one() as oci, following(oci.configured("OCI", login(tmp_path))) as under_test:
        await under_test.answer(STABLE)
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        assert set(oci.authorizations) == {f"Basic {basic}"}
        (tmp_path / "username").unlink()
        (tmp_path / "password").unlink()
        (tmp_path / "token").write_text(TOKEN)
        await under_test.later(STABLE, 70)
        assert oci.authorizations[-1] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"token": ""}, "token must be one line"),
        ({"token": "S3CR3T\nS3CR3T"}, "token must be one line"),
        ({"token": "S3CR3T\u00e4"}, "token must be one line"),
        ({"username": "S3CR3T"}, "password is missing"),
        ({"password": "S3CR3T"}, "username is missing"),
        ({"username": "a:S3CR3T", "password": "x"}, "must not have a colon"),
        ({"token": "S3CR3T", "username": "S3CR3T", "password": "S3CR3T"}, "either the token"),
    ],
)
async def test_wrong_files_are_named_and_not_repeated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, files: dict[str, str], told: str
) -> None:
    for name, written in files.items():
        (tmp_path / name).write_text(written)
    async with with_one() as oci, following(oci.configured("OCI", tmp_path)) as under_test:
        answer = await under_test.answer(STABLE)
        assert told in answer.error and str(tmp_path) in answer.error
        assert "S3CR3T" not in answer.error + caplog.text
        assert oci.asked == []


async def other_body(request: web.Request) -> web.Response | None:
    if request.method != "GET":
        return None
    return web.json_response({"schemaVersion": 2, "annotations": {"changed": "yes"}})


async def other_digest(_: web.Request) -> web.Response:
    return web.Response(headers={"Docker-Content-Digest": "sha512:abc"})


BAD_DAYS = {
    "no such tag": (answering(404), "no such repository or tag"),
    "another body": (other_body, "does not have the digest"),
    "another digest": (other_digest, "not a sha256"),
    "a page": (answering(200, "<html></html>"), "not a JSON object"),
    "not a manifest": (answering(200, "{}"), "not a manifest"),
    "compressed": (answering(200, "{}", Content_Encoding="x"), "not a manifest"),
    "too large": (answering(200, "x" * (1 << 20) + "x"), "larger than 1048576 bytes"),
    "a redirect": (answering(307, Location="http://127.0.0.1:1/"), "not followed"),
    "a basic challenge": (answering(401, WWW_Authenticate="Basic"), "its credentials"),
    "broken": (answering(503), "HTTP 503"),
}


@pytest.mark.parametrize(("behave", "told"), BAD_DAYS.values(), ids=BAD_DAYS)
async def test_a_bad_day_keeps_the_version_and_says_what_to_do(behave: Behave, told: str) -> None:
    async with with_one() as oci, following(oci.configured("OCI")) as under_test:
        one = (await under_test.answer(STABLE)).version
        oci.push("shop/fraud", "stable", "2.0")
        oci.behave = behave
        bad = await under_test.later(STABLE, 70)
        assert bad.version is one and bad.failing_since == under_test.now
        assert told in bad.error
        assert bad.error.startswith("Registry models, model shop/fraud, alias stable: ")
        assert not under_test.faults


@pytest.mark.parametrize(
    ("model", "tag"),
    [
        ("../_catalog", "stable"),
        ("shop/../fraud", "stable"),
        ("Shop/fraud", "stable"),
        ("shop//fraud", "stable"),
        ("shop/fraud/", "stable"),
        ("shop%2ffraud", "stable"),
        ("shop/fraud?n=1", "stable"),
        ("a" * 256, "stable"),
        ("shop/fraud", "../../x"),
        ("shop/fraud", "st#able"),
        ("shop/fraud", "a" * 129),
        ("shop/fraud", ""),
    ],
)
async def test_no_name_becomes_a_part_of_an_address(model: str, tag: str) -> None:
    async with with_one() as oci, following(oci.configured("OCI")) as under_test:
        answer = await under_test.answer(Reference("models", model, tag))
        assert "correct spec.model.registry" in answer.error
        await under_test.idle()
        assert oci.asked == []


async def test_tokens_that_are_nonsense_are_not_used(tmp_path: Path) -> None:
    for text in ("[]", "{}", '{"token": ""}', '{"token": 7}', '{"token": "a b"}', "no"):
        oci = with_one()
        oci.realm = f"{oci.url}/token"

        async def behave(request: web.Request, text: str = text) -> web.Response | None:
            return web.Response(text=text) if request.path == "/token" else None

        oci.behave = behave
        async with oci, following(oci.configured("OCI", login(tmp_path))) as under_test:
            answer = await under_test.answer(STABLE)
            assert answer.version is None and answer.error and not under_test.faults
