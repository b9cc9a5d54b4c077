#!/usr/bin/env python3
"""Derives the V004 backup that a V003 backup must export as, by the rules N1..N24 of the format's specification.

An independent second opinion on src/backup: it shares no code with it. make_golden.py < v003.jsonl > v004.jsonl
"""

import json
import sys


def ids_of(membership):
    return {"configs": [sorted(set(group)) for group in membership["configs"]],
            "nodes": {key: {} for key in sorted(membership["nodes"], key=int)}}


def log_id(value):
    return value and {"leader_id": {"term": value["leader_id"]["term"], "node_id": value["leader_id"]["node_id"]},
                      "index": value["index"]}


def node(value):  # N13
    return {"name": value["name"], "endpoint": {"addr": value["endpoint"]["addr"], "port": value["endpoint"]["port"]},
            "grpc_api_advertise_address": value.get("grpc_api_advertise_address")}


def meta(value):  # N15, N16
    return value and {key: value[key] for key in ("expire_at", "proposed_at_ms") if value.get(key) is not None}


def record(value):
    return {"seq": value["seq"], "meta": meta(value.get("meta")), "data": value["data"]}


def operation(op):  # N11, N12
    (kind, body), = op["request"].items()
    order = {"Get": ["key"], "Put": ["key", "value", "prev_value", "expire_at", "ttl_ms", "match_seq"],
             "Delete": ["key", "prev_value", "match_seq"], "DeleteByPrefix": ["prefix"]}[kind]
    dropped_when_null = {"ttl_ms"}
    return {"request": {kind: {name: body.get(name) for name in order
                               if not (name in dropped_when_null and body.get(name) is None)}}}


def command(body):
    (kind, value), = body.items()
    if kind == "AddNode":  # N14
        value = {"node_id": value["node_id"], "node": node(value["node"]), "overriding": value.get("overriding", False)}
    elif kind == "UpsertKV":  # N17
        spec = value["value_meta"]
        if spec is not None:
            spec = {"expire_at": spec.get("expire_at"), **({"ttl": spec["ttl"]} if spec.get("ttl") else {})}
        value = {"key": value["key"], "seq": value["seq"], "value": value["value"], "value_meta": spec}
    elif kind == "Transaction":
        assert not value.get("operations")
        value = {"condition": [{"key": one["key"], "expected": one["expected"], "target": one["target"]} for one in value["condition"]],
                 "if_then": [operation(op) for op in value["if_then"]],
                 "else_then": [operation(op) for op in value["else_then"]]}
    else:
        assert kind == "RemoveNode", kind
    return {kind: value}


def entry(value):
    payload = value["payload"]
    if payload == "Blank" or "Blank" in payload:
        payload = "Blank"
    elif "Membership" in payload:
        payload = {"Membership": ids_of(payload["Membership"])}
    else:  # N10
        normal = payload["Normal"]
        time = {} if normal.get("time_ms") is None else {"time_ms": normal["time_ms"]}
        payload = {"Normal": {**time, "cmd": command(normal["cmd"])}}
    return {"log_id": log_id(value["log_id"]), "payload": payload}


def convert(lines):
    log = {"NodeId": None, "Vote": None, "Committed": None, "Purged": None}
    entries, nodes, expires, records = {}, {}, {}, {}
    state = {"Sequences": 0, "LastApplied": None,
             "LastMembership": {"log_id": None, "membership": {"configs": [], "nodes": {}}}}
    for line in lines:
        tree, body = json.loads(line)
        (kind, value), = body.items()
        if kind == "RaftStateKV":  # N2, N3, N6
            (what, inner), = value["value"].items()
            name = {"NodeId": "NodeId", "HardState": "Vote", "Committed": "Committed", "StateMachineId": None}[what]
            if name:
                log[name] = inner
        elif kind == "Logs":  # N7
            entries[value["key"]] = entry(value["value"])
        elif kind == "LogMeta":  # N8
            log["Purged"] = log_id(value["value"]["LogId"])
        elif kind == "Sequences":
            state["Sequences"] = value["value"]
        elif kind == "StateMachineMeta":
            (what, inner), = value["value"].items()
            if value["key"] == "LastApplied":
                state["LastApplied"] = log_id(inner)
            elif value["key"] == "LastMembership":
                state["LastMembership"] = {"log_id": log_id(inner["log_id"]), "membership": ids_of(inner["membership"])}
            else:
                assert value["key"] == "Initialized"  # N19
        elif kind == "Nodes":
            nodes[value["key"]] = node(value["value"])
        elif kind == "Expire":  # N18
            key = value["key"]
            expires[key["time_ms"], key["seq"]] = {"seq": value["value"].get("seq") or 1, "key": value["value"]["key"]}
        elif kind == "GenericKV":
            records[value["key"]] = record(value["value"])
        else:
            assert kind == "DataHeader"
    yield ["header", {"DataHeader": {"key": "header", "value": {"version": "V004"}}}]  # N1
    for name, value in log.items():  # N4, N5, N20
        yield ["raft_log", {name: value}]
    purged = log["Purged"]["index"] if log["Purged"] else -1
    for index in sorted(entries):
        if index > purged:  # N9
            yield ["raft_log", {"LogEntry": entries[index]}]
    tree = "state_machine/0"
    yield [tree, {"Sequences": {"key": "generic-kv", "value": state["Sequences"]}}]
    if state["LastApplied"]:
        yield [tree, {"StateMachineMeta": {"key": "LastApplied", "value": {"LogId": state["LastApplied"]}}}]
    yield [tree, {"StateMachineMeta": {"key": "LastMembership", "value": {"Membership": state["LastMembership"]}}}]
    for key in sorted(nodes):
        yield [tree, {"Nodes": {"key": key, "value": nodes[key]}}]
    for time_ms, seq in sorted(expires):
        yield [tree, {"Expire": {"key": {"time_ms": time_ms, "seq": seq}, "value": expires[time_ms, seq]}}]
    for key in sorted(records, key=lambda text: text.encode()):
        yield [tree, {"GenericKV": {"key": key, "value": records[key]}}]


def golden(lines):
    return "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in convert(lines))


if __name__ == "__main__":
    sys.stdout.write(golden(sys.stdin))
