#pragma once

namespace metasrv::ctl {

// The part of the table `metactl` that is best said in Lua (metactl.md §5.2, §5.7). A chunk that takes the table.
inline constexpr char kLuaPrelude[] = R"lua(
local metactl = ...

function metactl.eq_seq(key, seq) return {key = key, op = "eq_seq", value = seq} end
function metactl.ge_seq(key, seq) return {key = key, op = "ge_seq", value = seq} end
function metactl.eq_value(key, value) return {key = key, op = "eq_value", value = value} end

function metactl.put_op(key, value, ttl) return {op = "put", key = key, value = value, ttl = ttl} end
function metactl.get_op(key) return {op = "get", key = key} end
function metactl.delete_op(key) return {op = "delete", key = key} end

function metactl.new_txn(conditions, then_ops, else_ops)
  return {conditions = conditions or {}, ["then"] = then_ops or {}, ["else"] = else_ops or {}}
end

-- Maps a uniform x in [0, 1) to 1..num_keys so that key k comes up about 1 / k^alpha times as often as key 1.
local ZipfGenerator = {}
ZipfGenerator.__index = ZipfGenerator
metactl.ZipfGenerator = ZipfGenerator

function ZipfGenerator:new(num_keys, alpha)
  return setmetatable({num_keys = num_keys or 1000, alpha = alpha or 1.0}, self)
end

function ZipfGenerator:generate_key_index(x)
  local n, alpha = self.num_keys, self.alpha
  if alpha == 1 then return math.floor(n ^ x + 0.5) end
  local rest = 1 - alpha
  return math.floor((1 + x * (n ^ rest - 1)) ^ (1 / rest) + 0.5)
end
)lua";

}  // namespace metasrv::ctl
