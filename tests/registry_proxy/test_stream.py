"""The two directions of a stream between sides that only remember what was done to them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import pytest

from jit_access.domain.reasons import Reason
from registry_proxy.protocols.body_checks import HeldEnd
from registry_proxy.stream.download import Download
from registry_proxy.stream.pipes import PipePool
from registry_proxy.stream.sides import BodySink
from registry_proxy.stream.upload import Upload


class MemorySide:
    """A connection in memory: no descriptor, so nothing goes by the kernel."""

    def __init__(self) -> None:
        self.written = b""
        self.writes = 0
        self.calls: list[str] = []
        self.is_request_sent = False
        self.is_slow = False
        self.waits: list[Callable[[], None]] = []
        self.here: list[bytes] = []
        self.is_all_here = False
        self.descriptor = -1
        self.bytes_left = 0
        self.unsent_bytes = 0

    def when_flushed(self, action: Callable[[], None]) -> None:
        if self.is_slow:
            self.waits.append(action)
        else:
            action()

    def write(self, data: bytes) -> None:
        self.written += data
        self.writes += 1

    def deliver_to(self, sink: BodySink) -> None:
        for piece in self.here:
            sink.on_data(piece)
        if self.is_all_here:
            sink.on_end()

    def skip(self, count: int) -> None:
        raise AssertionError("nothing goes by the kernel here")

    def lend(self, recall: Callable[[], None] | None) -> None:
        raise AssertionError("nothing goes by the kernel here")

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def abort(self) -> None:
        self.calls.append("abort")


def allows() -> Reason | None:
    return None


def digest_of(body: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def in_loop(story: Callable[[MemorySide, MemorySide], None]) -> tuple[MemorySide, MemorySide]:
    """Run a story where futures can be made."""

    async def run() -> tuple[MemorySide, MemorySide]:
        client, upstream = MemorySide(), MemorySide()
        story(client, upstream)
        return client, upstream

    return asyncio.run(run())


def test_slices_pass_in_order_and_are_counted() -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        download = Download(client, upstream, allows, PipePool(), is_chunked=False)
        for piece in (b"one", b"two"):
            download.on_data(piece)
        download.on_end()
        assert download.done.result() is None
        assert download.moved == 6

    client, _ = in_loop(story)
    assert client.written == b"onetwo"
    assert client.calls == []


def test_chunked_stream_is_framed_anew() -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        download = Download(client, upstream, allows, PipePool(), is_chunked=True)
        download.on_data(b"x" * 17)
        download.on_end()

    assert in_loop(story)[0].written == b"11\r\n" + b"x" * 17 + b"\r\n0\r\n\r\n"


def test_guard_ends_both_sides_before_the_next_slice() -> None:
    """I2: not one byte after the answer changed."""

    def story(client: MemorySide, upstream: MemorySide) -> None:
        answers = iter([None, Reason.GRANT_REVOKED])
        download = Download(client, upstream, lambda: next(answers), PipePool(), is_chunked=True)
        download.on_data(b"one")
        download.on_data(b"two")
        download.on_end()
        assert download.done.result() is Reason.GRANT_REVOKED

    client, upstream = in_loop(story)
    assert client.written == b"3\r\none\r\n"
    assert client.calls == upstream.calls == ["abort"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_last_slice_waits_for_the_digest(algorithm: str) -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        download = Download(
            client, upstream, allows, PipePool(), is_chunked=False, digest=digest_of(b"onetwo", algorithm)
        )
        download.on_data(b"one")
        assert client.written == b""
        download.on_data(b"two")
        assert client.written == b"one"
        download.on_end()
        assert download.done.result() is None

    assert in_loop(story)[0].written == b"onetwo"


def test_last_slice_of_a_wrong_body_is_never_sent() -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        download = Download(client, upstream, allows, PipePool(), is_chunked=True, digest=digest_of(b"onetwo"))
        for piece in (b"one", b"TWO"):
            download.on_data(piece)
        download.on_end()
        assert download.done.result() is Reason.DIGEST_MISMATCH

    client, upstream = in_loop(story)
    assert client.written == b"3\r\none\r\n"
    assert client.calls == upstream.calls == ["abort"]


def test_broken_upstream_resets_the_client_once() -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        download = Download(client, upstream, allows, PipePool(), is_chunked=False)
        download.on_broken(Reason.UPSTREAM_BROKEN)
        download.cut(Reason.GRANT_REVOKED)
        assert download.done.result() is Reason.UPSTREAM_BROKEN

    assert in_loop(story)[0].calls == ["abort"]


def test_slower_client_holds_the_registry_back() -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        download = Download(client, upstream, allows, PipePool(), is_chunked=False)
        download.on_client_paused()
        download.on_client_resumed()

    assert in_loop(story)[1].calls == ["pause", "resume"]


def test_upload_passes_and_marks_its_end() -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        upload = Upload(client, upstream, allows, PipePool(), is_chunked=True, limit=3)
        upload.on_data(b"abc")
        upload.on_end()
        assert (upload.sent.done(), upload.broken, upload.moved) == (True, None, 3)

    _, upstream = in_loop(story)
    assert upstream.written == b"3\r\nabc\r\n0\r\n\r\n"
    assert upstream.is_request_sent


@pytest.mark.parametrize(
    ("told", "written"), [(None, b"abcd"), (Reason.REFERENCE_NOT_GRANTED, b"ab"), (RuntimeError("bug"), b"ab")]
)
def test_the_end_waits_for_what_is_asked_last(told: Reason | Exception | None, written: bytes) -> None:
    async def story() -> None:
        client, upstream, asked = MemorySide(), MemorySide(), asyncio.get_running_loop().create_future()
        upload = Upload(client, upstream, allows, PipePool(), is_chunked=False, limit=9)
        upload.check, upload.last_question = HeldEnd(), lambda: asked
        upload.on_data(b"ab")
        upload.on_data(b"cd")
        upload.on_end()
        assert (upstream.written, upload.sent.done(), upload.is_held_back) == (b"ab", False, True)
        if isinstance(told, Exception):
            asked.set_exception(told)
        else:
            asked.set_result(told)
        await upload.sent
        assert upload.broken is (Reason.INTERNAL_ERROR if isinstance(told, Exception) else told)
        assert (upstream.written, upstream.is_request_sent) == (written, told is None)
        assert upstream.calls == ([] if told is None else ["abort"])

    asyncio.run(story())


@pytest.mark.parametrize("is_cut", [True, False])
def test_nobody_waits_for_an_answer_after_the_end(is_cut: bool) -> None:
    async def story() -> None:
        upstream, asked = MemorySide(), asyncio.get_running_loop().create_future()
        upload = Upload(MemorySide(), upstream, allows, PipePool(), is_chunked=False, limit=9)
        upload.check, upload.last_question = HeldEnd(), lambda: asked
        upload.on_data(b"ab")
        upload.on_end()
        if is_cut:
            upload.cut(Reason.GRANT_REVOKED)
        else:
            upload.stop()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (upstream.written, upstream.is_request_sent) == (b"", False)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("limit", "answer", "reason"),
    [(2, None, Reason.REQUEST_TOO_LARGE), (9, Reason.GRANT_EXPIRED, Reason.GRANT_EXPIRED)],
)
def test_cut_upload_never_looks_complete(limit: int, answer: Reason | None, reason: Reason) -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        upload = Upload(client, upstream, lambda: answer, PipePool(), is_chunked=True, limit=limit)
        upload.on_data(b"abc")
        upload.on_end()
        assert upload.broken is reason

    _, upstream = in_loop(story)
    assert upstream.written == b""
    assert not upstream.is_request_sent
    assert upstream.calls == ["abort"]


def test_slower_registry_holds_the_client_back() -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        upload = Upload(client, upstream, allows, PipePool(), is_chunked=False, limit=9)
        upload.on_write_paused()
        assert upload.is_held_back
        upload.on_write_resumed()
        assert not upload.is_held_back

    assert in_loop(story)[0].calls == ["pause", "resume"]


@pytest.mark.parametrize("is_cut", [True, False])
def test_tail_that_waits_for_a_slow_client_can_still_be_cut(is_cut: bool) -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        client.is_slow = True
        download = Download(client, upstream, allows, PipePool(), is_chunked=False)
        download.on_data(b"all of it")
        download.on_end()
        assert not download.done.done()
        if is_cut:
            download.cut(Reason.GRANT_REVOKED)
        client.waits[0]()
        assert download.done.result() is (Reason.GRANT_REVOKED if is_cut else None)

    client, _ = in_loop(story)
    assert client.calls == (["abort"] if is_cut else [])


@pytest.mark.parametrize(("is_chunked", "body"), [(False, b"onetwo"), (True, b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")])
def test_head_and_what_is_here_of_the_body_go_out_in_one_write(is_chunked: bool, body: bytes) -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        upstream.here, upstream.is_all_here = [b"one", b"two"], True
        download = Download(client, upstream, allows, PipePool(), is_chunked=is_chunked)
        download.begin(b"HEAD\r\n\r\n")
        assert download.done.result() is None
        assert download.moved == 6

    client, _ = in_loop(story)
    assert client.written == b"HEAD\r\n\r\n" + body
    assert client.writes == 1


def test_head_does_not_wait_for_a_body_that_is_not_here() -> None:
    def story(client: MemorySide, upstream: MemorySide) -> None:
        download = Download(client, upstream, allows, PipePool(), is_chunked=False, digest=digest_of(b"one"))
        upstream.here = [b"one"]
        download.begin(b"HEAD\r\n\r\n")
        assert client.written == b"HEAD\r\n\r\n"
        download.on_end()

    assert in_loop(story)[0].written == b"HEAD\r\n\r\none"
