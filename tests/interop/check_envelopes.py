"""Checks envelopes of Pluginry with tools that know nothing of it: securesystemslib and in-toto-attestation.

Reads from standard input a JSON list of {name, public_key (hex), key_id, envelope, predicate}: `predicate` is
`vsa` for a SLSA verification summary, `statement` for another in-toto statement, absent for what is no statement.
Prints one line each. Exit 0: all hold; 1: the first one that does not is named.
"""

import json
import sys

from google.protobuf import json_format
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

IN_TOTO = "application/vnd.in-toto+json"


def check(case):
    envelope = Envelope.from_dict(case["envelope"])
    key = SSlibKey(case["key_id"], "ed25519", "ed25519", {"public": case["public_key"]})
    envelope.verify([key], 1)
    if "predicate" not in case:
        json.loads(envelope.payload)
        return envelope.payload_type
    if envelope.payload_type != IN_TOTO:
        raise ValueError(f"the payload type is {envelope.payload_type}")
    # Strict: a field that in-toto does not know is refused.
    statement = Statement.copy_from_pb(json_format.Parse(envelope.payload, statement_pb2.Statement()))
    statement.validate()
    if case["predicate"] == "vsa":
        # The facts stand under a key of our own, which the specification allows; everything else must be known.
        predicate = json_format.MessageToDict(statement.pb.predicate)
        predicate = {name: value for name, value in predicate.items() if not name.startswith("https://")}
        # The version of the verifier is an object in SLSA 1.1 and unknown to this library.
        predicate["verifier"] = {"id": predicate["verifier"]["id"]}
        # A list in SLSA, one text in this library.
        predicate["verifiedLevels"] = " ".join(predicate["verifiedLevels"])
        summary = json_format.ParseDict(predicate, vsa_pb2.VerificationSummary())
        if summary.verification_result not in ("PASSED", "FAILED") or not summary.policy.digest["sha256"]:
            raise ValueError("the summary lacks its result or its policy")
    return statement.pb.predicate_type


for case in json.load(sys.stdin):
    try:
        print(f"{case['name']}: {check(case)}")
    except Exception as error:
        print(f"{case['name']}: refused: {type(error).__name__}: {error}")
        sys.exit(1)
