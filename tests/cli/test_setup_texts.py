"""One entry in somebody else's file: put in, taken out, and not a byte besides."""

from __future__ import annotations

import configparser
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from jit_access.cli.setups import ini_text, json_text, kube_text

HOST = ("credHelpers", "gateway.test:8443")
DOCKER = """{
\t"auths": {
\t\t"ghcr.example": {"auth": "c2VjcmV0"}
\t},
\t"credsStore":   "desktop",
\t"HttpHeaders": { "User-Agent": "x\\u00e9\\/y" }
}
"""
scalars = st.none() | st.booleans() | st.integers() | st.text()
values = st.recursive(scalars, lambda more: st.lists(more) | st.dictionaries(st.text(), more), max_leaves=8)


class TestJSON:
    def test_only_our_lines_are_new(self) -> None:
        made = json_text.put(DOCKER, HOST, "jit")
        assert json.loads(made) == json.loads(DOCKER) | {"credHelpers": {HOST[1]: "jit"}}
        assert [line for line in made.splitlines() if line.strip("\t,") not in DOCKER] == [
            '\t"credHelpers": {', '\t\t"gateway.test:8443": "jit"',
        ]  # fmt: skip
        assert json_text.drop(made, HOST[:1]) == DOCKER

    def test_beside_another_helper_it_goes_and_that_stays(self) -> None:
        begun = '{"credHelpers": {"a.test": "pass", "b.test": "ecr-login"}, "x": 1.50}'
        made = json_text.put(begun, HOST, "jit")
        assert made == begun.replace('login"}', 'login", "gateway.test:8443": "jit"}')
        assert json_text.drop(made, HOST) == begun
        assert json.loads(json_text.drop(made, ("credHelpers", "a.test")))["credHelpers"].keys() == {"b.test", HOST[1]}

    @pytest.mark.parametrize(
        "begun", ["", "  \n", "{}", "{ }\n", '{\r\n  "a": 1\r\n}\r\n', '{"a":{}}', '{"credHelpers":{}}']
    )
    def test_small_and_foreign_styles(self, begun: str) -> None:
        made = json_text.put(begun, HOST, "jit")
        assert json_text.get(made, *HOST) == "jit"
        assert ("\r\n" in begun) == ("\r\n" in made)
        assert json_text.get(json_text.drop(made, HOST), "credHelpers") == {}

    def test_an_entry_that_is_there_gets_another_value_in_its_place(self) -> None:
        begun = '{ "credHelpers" : { "gateway.test:8443"  :  "desktop" } }'
        assert json_text.put(begun, HOST, "jit") == begun.replace("desktop", "jit")

    @given(st.dictionaries(st.text(), values), st.sampled_from([None, 1, "\t", 4]))
    def test_whatever_is_there_stays(self, held: dict[str, object], indent: int | str | None) -> None:
        begun = json.dumps(held, indent=indent)
        if not isinstance(held.get("credHelpers", {}), dict):
            return
        made = json_text.put(begun, HOST, "jit")
        before = dict(held.get("credHelpers", {}))  # type: ignore[call-overload]  # it is one, see above
        assert json.loads(made) == held | {"credHelpers": before | {HOST[1]: "jit"}}
        if HOST[1] not in before:
            back = json_text.drop(made, HOST)
            assert json.loads(back) == held | {"credHelpers": before}
            if held and "credHelpers" not in held:
                assert json_text.drop(back, HOST[:1]) == begun

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("{", "not JSON"), ("[]", "not an object"), ('{"a": 1, "a": 2}', "twice"), ("{} // mine", "not JSON"),
            ('{"credHelpers": []}', "something else"), ("[" * 20_000, "JSON|nested"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_understood_is_refused(self, text: str, says: str) -> None:
        with pytest.raises(json_text.NotPlain, match=says):
            json_text.put(text, HOST, "jit")


class TestAWS:
    LINES = ("credential_process = jit aws-credential --target s", "s3 =", "    signature_version = s3v4")
    BEGUN = "# mine\n[default]\nregion=eu-west-1\n\n; work\n[profile work]\ns3 =\n  max_concurrent_requests = 20\n"

    @pytest.mark.parametrize("begun", ["", BEGUN, BEGUN.rstrip("\n"), BEGUN + "\n", BEGUN.replace("\n", "\r\n")])
    def test_a_section_comes_and_goes(self, begun: str) -> None:
        made = ini_text.put(begun, "profile jit-s", self.LINES)
        assert made.startswith(begun)
        parser = configparser.RawConfigParser()
        parser.read_string(made)
        assert parser.get("profile jit-s", "credential_process") == "jit aws-credential --target s"
        gone = ini_text.drop(made, "profile jit-s")
        assert gone.rstrip("\r\n") == begun.rstrip("\r\n")
        if begun.endswith("\n"):
            assert gone == begun

    def test_sections_behind_it_and_their_comments_stay(self) -> None:
        made = ini_text.put(self.BEGUN, "profile jit-s", self.LINES) + "\n# later\n[profile later]\nregion = x\n"
        assert ini_text.drop(made, "profile jit-s") == self.BEGUN + "\n# later\n[profile later]\nregion = x\n"
        assert ini_text.put(made, "profile jit-s", self.LINES) == made
        assert ini_text.get(made, 'profile  "jit-s"') == "".join(f"{line}\n" for line in self.LINES)

    @pytest.mark.parametrize("text", ["[default\n", "a = b\n", "[a]\nx = 1\n[a]\ny = 2\n"])
    def test_what_cannot_be_understood_is_refused(self, text: str) -> None:
        with pytest.raises(ini_text.NotPlain):
            ini_text.put(text, "profile jit-s", self.LINES)


KUBE = """apiVersion: v1
clusters:
- cluster:
    server: https://one.test   # mine
  name: one
contexts:
- context:
    cluster: one
    user: me
  name: one
current-context: one
kind: Config
preferences: {}
users:
- name: me
  user:
    token: "abc"
"""
ITEM = ("name: jit-x", "user:", "  exec:", "    command: 'jit'")


class TestKube:
    def test_an_item_comes_and_goes(self) -> None:
        made = kube_text.put(KUBE, "users", "jit-x", ITEM)
        assert made == KUBE + "- name: jit-x\n  user:\n    exec:\n      command: 'jit'\n"
        assert [user["name"] for user in yaml.safe_load(made)["users"]] == ["me", "jit-x"]
        assert kube_text.drop(made, "users", "jit-x") == KUBE
        assert kube_text.put(made, "users", "jit-x", ITEM) == made

    @pytest.mark.parametrize(
        "begun",
        ["", "apiVersion: v1\nkind: Config\nusers: null\n", "users: []\nkind: Config\n", "kind: Config\nusers:\n",
         KUBE.replace("- name: me\n  user:\n", "  - name: me\n    user:\n  "), KUBE.replace("\n", "\r\n")],
    )  # fmt: skip
    def test_other_forms_of_the_same(self, begun: str) -> None:
        made = kube_text.put(begun, "users", "jit-x", ITEM)
        held = yaml.safe_load(made)
        assert {"name": "jit-x", "user": {"exec": {"command": "jit"}}} in held["users"]
        assert {key: value for key, value in held.items() if key != "users"}.items() >= {
            key: value for key, value in (yaml.safe_load(begun) or {}).items() if key != "users"
        }.items()
        assert "jit-x" not in kube_text.drop(made, "users", "jit-x")

    def test_an_item_between_others_goes_alone(self) -> None:
        made = kube_text.put(KUBE, "clusters", "jit-x", ("cluster: {}", "name: jit-x"))
        gone = kube_text.drop(made, "clusters", "one")
        assert [item["name"] for item in yaml.safe_load(gone)["clusters"]] == ["jit-x"]
        assert gone.endswith(KUBE[KUBE.index("contexts:") :])

    @pytest.mark.parametrize(
        "text",
        [
            "users: [{name: a}]\n", "users: &u\n- name: a\n", '{"users": []}\n',
            "users:\n- name: a\nusers:\n- name: b\n",
            "users:\n- name: &x a\n", "---\nusers: []\n---\nusers: []\n", "users:\n\t- name: a\n", "users:\n  a: b\n",
            "users:\n- {name: a}\n", "users: []\r\nkind: Config\n",
        ],
    )  # fmt: skip
    def test_what_cannot_be_understood_is_refused(self, text: str) -> None:
        with pytest.raises(kube_text.NotPlain):
            kube_text.names(kube_text.put(text, "users", "jit-x", ITEM), "users")
