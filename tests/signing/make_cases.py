#!/usr/bin/env python3
"""Writes the cases beside this file with an independent implementation of DSSE, Ed25519 and RFC 8785.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install securesystemslib cryptography rfc8785
    /tmp/v/bin/python tests/signing/make_cases.py

Ed25519 is deterministic, so a second run writes the same bytes.
"""
import base64, hashlib, json, pathlib

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

HERE = pathlib.Path(__file__).parent
TYPE = "application/vnd.in-toto+json"
ORDER = 2**252 + 27742317777372353535851937790883648493


class Key:
    def __init__(self, number):
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        self.raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(self.raw).hexdigest()
        self.text = "ed25519:" + b64(self.raw)
        self.sslib = SSlibKey(self.id, "ed25519", "ed25519", {"public": self.raw.hex()})

    def envelope(self, payload, payload_type=TYPE):
        envelope = Envelope(payload, payload_type, {})
        envelope.sign(CryptoSigner(self.private, self.sslib))
        envelope.verify([self.sslib], 1)
        return envelope.to_dict()


def b64(data):
    return base64.b64encode(data).decode()


author, other = Key(1), Key(2)
package_digest = hashlib.sha256(b"the package").hexdigest()
manifest_digest = hashlib.sha256(b"the manifest").hexdigest()


def statement(**changes):
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "pkg:pluginry/acme/markdown@1.2.0", "digest": {"sha256": package_digest}}],
        "predicateType": "https://pluginry.dev/attestation/release/v1",
        "predicate": {
            "manifestDigest": "sha256:" + manifest_digest,
            "capabilities": {"network": {"reason": "fetches feeds", "hosts": ["api.example.com:443"]}},
        },
    }
    document.update(changes)
    return document


def signed(document, key=author, payload_type=TYPE):
    payload = document if isinstance(document, bytes) else rfc8785.dumps(document)
    return key.envelope(payload, payload_type)


def with_signature(change):
    envelope = signed(statement())
    envelope["signatures"][0] = change(dict(envelope["signatures"][0]))
    return envelope


def flipped(signature):
    raw = bytearray(base64.b64decode(signature["sig"]))
    raw[10] ^= 1
    return {**signature, "sig": b64(bytes(raw))}


def malleated(signature):
    raw = base64.b64decode(signature["sig"])
    scalar = int.from_bytes(raw[32:], "little") + ORDER
    return {**signature, "sig": b64(raw[:32] + scalar.to_bytes(32, "little"))}


def subject(name="pkg:pluginry/acme/markdown@1.2.0", sha256=package_digest):
    return {"name": name, "digest": {"sha256": sha256}}


def case(name, envelope, **expect):
    text = envelope if isinstance(envelope, str) else json.dumps(envelope)
    return {
        "name": name,
        "release": "acme:markdown@1.2.0",
        "digest": "sha256:" + package_digest,
        "candidates": [other.text, author.text] if "signer" in expect else [author.text],
        "envelope": text,
        "expect": expect,
    }


def without(document, field):
    return {key: value for key, value in document.items() if key != field}


good = signed(statement())
stranger = signed(statement(), other)["signatures"][0]
payload = rfc8785.dumps(statement())
not_an_envelope = dict(code="attestation-not-an-envelope")
not_a_statement = dict(code="attestation-not-a-statement")

accepted = [
    case("an envelope as securesystemslib writes it", good, signer=author.id),
    case("the key id is a hint and may be absent", with_signature(lambda s: without(s, "keyid")), signer=author.id),
    case("the key id is a hint and may be in another scheme", with_signature(lambda s: {**s, "keyid": "SHA256:abc"}), signer=author.id),
    case("one good signature is enough", {**good, "signatures": [{"keyid": "x", "sig": b64(bytes(64))}, *good["signatures"]]}, signer=author.id),
    case("unknown fields of an envelope are ignored", {**good, "note": 1}, signer=author.id),
    case("the payload need not be canonical", signed(json.dumps(statement(), indent=2).encode()), signer=author.id),
]

refused = [
    case("text that is not JSON", "hello", **not_an_envelope),
    case("JSON that is no object", "[]", **not_an_envelope),
    case("no payload", without(good, "payload"), **not_an_envelope),
    case("no payload type", without(good, "payloadType"), **not_an_envelope),
    case("no list of signatures", without(good, "signatures"), **not_an_envelope),
    case("a payload that is not base64", {**good, "payload": "*"}, **not_an_envelope),
    case("a payload without padding", {**good, "payload": b64(b"{}").rstrip("=")}, **not_an_envelope),
    case("a payload with stray bits behind its end", {**good, "payload": "e31="}, **not_an_envelope),
    case("a payload in URL-safe base64", {**good, "payload": "_-__"}, **not_an_envelope),
    case("a signature of 63 bytes", with_signature(lambda s: {**s, "sig": b64(bytes(63))}), **not_an_envelope),
    case("seventeen signatures", {**good, "signatures": good["signatures"] * 17}, **not_an_envelope),
    case("the same field twice", json.dumps(good)[:-1] + ', "payload": "e30="}', **not_an_envelope),
    case("another payload type", signed(statement(), payload_type="text/plain"), code="attestation-wrong-payload-type"),
    case("a payload type swapped after signing", {**signed(statement(), payload_type="text/plain"), "payloadType": TYPE}, code="attestation-bad-signature"),
    case("no signature at all", {**good, "signatures": []}, code="attestation-unknown-signer"),
    case("a signature by another key", signed(statement(), other), code="attestation-unknown-signer"),
    case("another key's signature under the author's key id", {**good, "signatures": [{**stranger, "keyid": author.id}]}, code="attestation-bad-signature"),
    case("one bit of the signature flipped", with_signature(flipped), code="attestation-bad-signature"),
    case("a malleated signature", with_signature(malleated), code="attestation-bad-signature"),
    case("a signature of zeros", with_signature(lambda s: {**s, "sig": b64(bytes(64))}), code="attestation-bad-signature"),
    case("a signature over the bare payload", with_signature(lambda s: {**s, "sig": b64(author.private.sign(payload))}), code="attestation-bad-signature"),
    case("a payload swapped after signing", {**good, "payload": b64(rfc8785.dumps(statement(subject=[subject(sha256="0" * 64)])))}, code="attestation-bad-signature"),
    case("a payload that is not JSON", signed(b"hello"), **not_a_statement),
    case("a statement of version 0.1", signed(statement(_type="https://in-toto.io/Statement/v0.1")), **not_a_statement),
    case("no subject", signed(statement(subject=[])), **not_a_statement),
    case("two subjects", signed(statement(subject=[subject(), subject("pkg:pluginry/acme/evil@1.2.0")])), **not_a_statement),
    case("two lists of subjects", signed(payload[:-1] + b',"subject":[]}'), **not_a_statement),
    case("a subject with a digest of another algorithm", signed(statement(subject=[{"name": subject()["name"], "digest": {"sha512": "0" * 128}}])), **not_a_statement),
    case("a digest in capitals", signed(statement(subject=[subject(sha256=package_digest.upper())])), **not_a_statement),
    case("a predicate without a manifest digest", signed(statement(predicate={"capabilities": {}})), **not_a_statement),
    case("a capability with a name that is none", signed(statement(predicate={"manifestDigest": "sha256:" + manifest_digest, "capabilities": {"Net Work": {}}})), **not_a_statement),
    case("a verdict replayed as a release", signed(statement(predicateType="https://slsa.dev/verification_summary/v1")), code="attestation-wrong-predicate-type"),
    case("another version's statement", signed(statement(subject=[subject("pkg:pluginry/acme/markdown@1.1.0")])), code="attestation-subject-differs"),
    case("another plugin's statement", signed(statement(subject=[subject("pkg:pluginry/evil/markdown@1.2.0")])), code="attestation-subject-differs"),
    case("a statement over other bytes", signed(statement(subject=[subject(sha256="0" * 64)])), code="attestation-digest-differs"),
]

for name, cases in (("accepted", accepted), ("refused", refused)):
    (HERE / f"{name}.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
    print(name, len(cases))
