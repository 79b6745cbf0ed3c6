-- Asks for the paths that a template makes, one after the other, and reports as JSON.
-- Arguments: the template, in which {} stands for a number, and how many numbers there are, from 0. {epoch} in it is 0 and,
-- each time that the numbers begin again, 1 more.

local template, numbers
local requests = {}
local turn = -1

function init (args)
  template, numbers = args[1], tonumber(args[2])
  if template:find('{epoch}', 1, true) then return end
  for number = 0, numbers - 1 do requests[number] = format(number) end
end

function request ()
  turn = turn + 1
  return requests[turn % numbers] or format(turn % numbers)
end

function format (number)
  local path = template:gsub('{}', tostring(number)):gsub('{epoch}', tostring(math.floor(turn / numbers)))
  return wrk.format('GET', path)
end

function done (summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"bytes":%d,"us":%d,"errors":%d,"p50us":%d,"p99us":%d}\n',
    summary.requests, summary.bytes, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
