-- Runs the edge's vectors under LuaJIT: {name, args} lines on stdin, one JSON result a line on stdout.
local cjson = require("cjson")
local vectors = require("edge.vectors")
local function plain(value)
  if value == cjson.null then return nil end
  if type(value) ~= "table" then return value end
  local out = {}
  for key, inner in pairs(value) do out[key] = plain(inner) end
  return out
end
assert(jit and jit.version, "not LuaJIT")
for line in io.lines() do
  local vector = cjson.decode(line)
  local ok, result = pcall(vectors.decide, vector.name, plain(vector.args))
  if not ok then io.write(cjson.encode({ threw = tostring(result) }), "\n")
  elseif result == nil then io.write("null\n")
  else io.write(cjson.encode(result), "\n") end
end
