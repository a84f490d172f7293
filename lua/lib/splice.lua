-- MessagePack headers: documents are built by concatenation, payloads are never decoded.
local char, sub, byte, concat, floor = string.char, string.sub, string.byte, table.concat, math.floor
local NIL = '\192'
local ABSENT = '\212\0\0' -- extension 0: nothing here, or too large to travel

local small = {}
local function mp_uint(n)
  local known = small[n]
  if known then return known end
  local text
  if n < 128 then
    text = char(n)
  elseif n < 65536 then
    text = char(205, floor(n / 256), n % 256)
  elseif n < 4294967296 then
    text = char(206, floor(n / 16777216), floor(n / 65536) % 256, floor(n / 256) % 256, n % 256)
  else
    local high = floor(n / 4294967296)
    text = char(207, floor(high / 16777216), floor(high / 65536) % 256, floor(high / 256) % 256, high % 256,
      floor(n / 16777216) % 256, floor(n / 65536) % 256, floor(n / 256) % 256, n % 256)
  end
  small[n] = text
  return text
end

local function mp_str(text)
  local length = #text
  if length < 32 then return char(160 + length) .. text end
  if length < 256 then return char(217, length) .. text end
  if length < 65536 then return char(218, floor(length / 256), length % 256) .. text end
  return char(219, floor(length / 16777216), floor(length / 65536) % 256, floor(length / 256) % 256, length % 256) .. text
end

local function mp_bin(bytes)
  local length = #bytes
  return char(198, floor(length / 16777216), floor(length / 65536) % 256, floor(length / 256) % 256, length % 256) .. bytes
end

local function mp_array_head(length)
  if length < 16 then return char(144 + length) end
  if length < 65536 then return char(220, floor(length / 256), length % 256) end
  return char(221, floor(length / 16777216), floor(length / 65536) % 256, floor(length / 256) % 256, length % 256)
end

local function packed(texts)
  local items = {}
  for i = 1, #texts do items[i] = mp_str(texts[i]) end
  return items
end

local function mp_array(items)
  return mp_array_head(#items) .. concat(items)
end
