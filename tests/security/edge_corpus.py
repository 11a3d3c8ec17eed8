"""Requests that have two readings, or none, and what the edge must say. One case each; the numbers are of the
adversarial list (threats and reliability, section 8, groups A and B). `{V}` is a request that is fine."""

from __future__ import annotations

H = b"Host: gw\r\n"
GET = b"GET /v2/ HTTP/1.1\r\n"
POST = b"POST /v2/demo/a/blobs/uploads/ HTTP/1.1\r\n"
FINE = GET + H + b"\r\n"
D = b"sha256:" + b"a" * 64


def get(target: bytes, extra: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + H + extra + b"\r\n"


REFUSED: dict[str, tuple[int, bytes]] = {
    # 1: two framings
    "cl_and_te": (400, POST + H + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + FINE),
    "te_and_cl": (400, POST + H + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    "two_lengths": (400, POST + H + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    "two_different_lengths": (400, POST + H + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    "length_list": (400, POST + H + b"Content-Length: 5, 5\r\n\r\nhello"),
    "length_plus": (400, POST + H + b"Content-Length: +5\r\n\r\nhello"),
    "length_minus": (400, POST + H + b"Content-Length: -1\r\n\r\n"),
    "length_hex": (400, POST + H + b"Content-Length: 0x5\r\n\r\nhello"),
    "length_empty": (400, POST + H + b"Content-Length:\r\n\r\n"),
    "length_too_long": (400, POST + H + b"Content-Length: 9999999999999999999999\r\n\r\n"),
    "two_codings": (400, POST + H + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "unknown_coding": (501, POST + H + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "coding_list": (501, POST + H + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "coding_identity": (501, POST + H + b"Transfer-Encoding: identity\r\n\r\n"),
    "trailer_announced": (400, POST + H + b"Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\nX: y\r\n\r\n"),
    "body_on_get": (400, GET + H + b"Content-Length: 5\r\n\r\nhello"),
    "chunked_get": (400, GET + H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    # 2: lines and fields
    "http_1_0": (505, b"GET /v2/ HTTP/1.0\r\n" + H + b"\r\n"),
    "http_1_0_chunked": (505, b"POST /v2/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "http_2_0": (505, b"GET /v2/ HTTP/2.0\r\n" + H + b"\r\n"),
    "http_0_9": (400, b"GET /v2/\r\n\r\n"),
    "version_lower": (400, b"GET /v2/ http/1.1\r\n" + H + b"\r\n"),
    "obs_fold": (400, GET + H + b"X: a\r\n b\r\n\r\n"),
    "fold_first": (400, GET + b" Host: gw\r\n\r\n"),
    "bare_lf_head": (400, b"GET /v2/ HTTP/1.1\nHost: gw\n\n"),
    "bare_lf_line": (400, GET + b"Host: gw\nX: y\r\n\r\n"),
    "bare_cr": (400, GET + H + b"X: a\rb\r\n\r\n"),
    "nul_in_value": (400, GET + H + b"X: a\x00b\r\n\r\n"),
    "space_before_colon": (400, GET + b"Host : gw\r\n\r\n"),
    "tab_before_colon": (400, GET + H + b"Content-Length\t: 0\r\n\r\n"),
    "no_colon": (400, GET + H + b"nonsense\r\n\r\n"),
    "empty_name": (400, GET + H + b": x\r\n\r\n"),
    "control_in_value": (400, GET + H + b"X: a\x01b\r\n\r\n"),
    "foreign_byte_in_value": (400, GET + H + b"X: \xff\r\n\r\n"),
    "leading_crlf": (400, b"\r\n" + FINE),
    "two_spaces": (400, b"GET  /v2/ HTTP/1.1\r\n" + H + b"\r\n"),
    "tab_in_line": (400, b"GET\t/v2/ HTTP/1.1\r\n" + H + b"\r\n"),
    "trailing_space": (400, b"GET /v2/ HTTP/1.1 \r\n" + H + b"\r\n"),
    # host
    "no_host": (400, GET + b"\r\n"),
    "two_hosts": (400, GET + H + H + b"\r\n"),
    "empty_host": (400, GET + b"Host:\r\n\r\n"),
    "host_with_path": (400, GET + b"Host: gw/x\r\n\r\n"),
    "host_with_user": (400, GET + b"Host: a@gw\r\n\r\n"),
    "host_with_quote": (400, GET + b'Host: gw"x\r\n\r\n'),
    "host_list": (400, GET + b"Host: a, b\r\n\r\n"),
    # 7: other protocols
    "h2c": (400, GET + H + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"),
    "websocket": (400, GET + H + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    "h2_preface": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "tls_on_plain": (400, b"\x16\x03\x01\x00\xde\x01\x00\x00\xda\x03\x03"),
    # 6: Connection as a knife
    "connection_host": (400, GET + H + b"Connection: Host\r\n\r\n"),
    "connection_length": (400, POST + H + b"Connection: content-length\r\nContent-Length: 0\r\n\r\n"),
    "connection_authorization": (400, GET + H + b"Connection: close, Authorization\r\n\r\n"),
    # 9: size
    "many_headers": (431, GET + H + b"X: y\r\n" * 10_000 + b"\r\n"),
    "101_headers": (431, GET + H + b"X: y\r\n" * 100 + b"\r\n"),
    "huge_header": (431, GET + H + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n"),
    "huge_target": (414, get(b"/v2/" + b"a" * 9_000)),
    "huge_target_2mb": (431, get(b"/v2/" + b"a" * 2_000_000)),
    # 14: methods
    "trace": (405, b"TRACE /v2/ HTTP/1.1\r\n" + H + b"\r\n"),
    "connect": (405, b"CONNECT gw:443 HTTP/1.1\r\n" + H + b"\r\n"),
    "options": (405, b"OPTIONS * HTTP/1.1\r\n" + H + b"\r\n"),
    "lower_get": (400, b"get /v2/ HTTP/1.1\r\n" + H + b"\r\n"),
    "unknown_method": (501, b"FOO /v2/ HTTP/1.1\r\n" + H + b"\r\n"),
    # doubles of fields that mean one thing
    "two_authorizations": (400, GET + H + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"),
    "two_content_types": (400, POST + H + b"Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n"),
    "two_ranges": (400, GET + H + b"Range: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n"),
    "expect_other": (417, POST + H + b"Expect: teapot\r\nContent-Length: 1\r\n\r\nx"),
    # 11 and 12: paths
    "absolute_form": (400, get(b"http://elsewhere/v2/")),
    "authority_form": (400, get(b"gw:80")),
    "asterisk": (400, get(b"*")),
    "dot_dot": (400, get(b"/v2/demo/../other/a/manifests/x")),
    "dot": (400, get(b"/v2/./demo/a/manifests/x")),
    "dot_dot_end": (400, get(b"/v2/demo/a/..")),
    "encoded_dots": (400, get(b"/v2/demo/%2e%2e/other/a/manifests/x")),
    "half_encoded_dots": (400, get(b"/v2/demo/.%2E/other/a/manifests/x")),
    "encoded_slash": (400, get(b"/v2/demo%2fa/manifests/x")),
    "encoded_slash_upper": (400, get(b"/v2/demo%2Fa/manifests/x")),
    "double_encoded": (400, get(b"/v2/demo%252fa/manifests/x")),
    "encoded_backslash": (400, get(b"/v2/demo%5ca/manifests/x")),
    "encoded_letter": (400, get(b"/v2/demo/%61/manifests/x")),
    "double_slash": (400, get(b"/v2//demo/a/manifests/x")),
    "double_slash_first": (400, get(b"//v2/demo/a/manifests/x")),
    "semicolon": (400, get(b"/v2/demo/a;x/manifests/x")),
    "backslash": (400, get(b"/v2/demo\\a/manifests/x")),
    "fragment": (400, get(b"/v2/demo/a/manifests/x#/v2/")),
    "non_ascii": (400, get("/v2/demo/ａ/manifests/x".encode())),
    "nul_in_path": (400, get(b"/v2/demo/a\x00/manifests/x")),
    "nul_encoded": (400, get(b"/v2/demo/a%00/manifests/x")),
    "query_fragment": (400, get(b"/v2/?a=b#c")),
    "query_bad_escape": (400, get(b"/token?service=%zz")),
    "query_semicolon": (400, get(b"/v2/_catalog?n=1;last=2")),
    # the table: what is well-formed and still not ours
    "upper_case_name": (400, get(b"/v2/demo/Tiny/manifests/x")),
    "trailing_slash": (400, get(b"/v2/demo/a/manifests/x/")),
    "no_repository": (404, get(b"/v2/demo/manifests/x")),
    "unknown_route": (404, get(b"/v2/demo/a/secrets/list")),
    "root": (404, get(b"/")),
    "metrics": (404, get(b"/metrics")),
    "v1": (404, get(b"/v1/search?q=a")),
    "bad_digest": (400, get(b"/v2/demo/a/blobs/sha256:abc")),
    "digest_upper": (400, get(b"/v2/demo/a/blobs/" + D.upper())),
    "route_word_in_name": (400, get(b"/v2/demo/a/blobs/b/manifests/x")),
    "post_on_manifest": (405, b"POST /v2/demo/a/manifests/x HTTP/1.1\r\n" + H + b"Content-Length: 0\r\n\r\n"),
    "delete_on_tags": (405, b"DELETE /v2/demo/a/tags/list HTTP/1.1\r\n" + H + b"\r\n"),
    "repeated_key": (400, get(b"/v2/demo/a/tags/list?n=1&n=2")),
    "unknown_key": (400, get(b"/v2/demo/a/tags/list?user=1")),
    "query_on_ping": (400, get(b"/v2/?x=1")),
    "negative_n": (400, get(b"/v2/_catalog?n=-1")),
    "huge_n": (400, get(b"/v2/_catalog?n=1000000000")),
    "query_newline": (400, get(b"/token?service=a%0d%0ab")),
    "form_mount": (
        400,
        POST + H + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b",
    ),
    "multipart_mount": (400, POST + H + b"Content-Type: Multipart/Form-Data; boundary=x\r\nContent-Length: 0\r\n\r\n"),
}
