-- Asks for the paths that a template makes, one after the other, and reports as JSON.
-- Arguments: the template, in which {} stands for a number, and how many numbers there are, from 0.

local requests = {}
local turn = 0

function init (args)
  for number = 0, tonumber(args[2]) - 1 do
    local path = args[1]:gsub('{}', tostring(number))
    requests[number] = wrk.format('GET', path)
  end
end

function request ()
  turn = (turn + 1) % (#requests + 1)
  return requests[turn]
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
