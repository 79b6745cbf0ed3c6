-- A script for wrk: requests the pages of one epoch after another in order, and reports as JSON.
--
-- Arguments: a path template, the number of pages per epoch, and the first epoch.
-- Placeholders:
--   {page}        from 0 to pages - 1, again in each epoch
--   {epoch}       the number of the epoch
--   {rank}, {world_size}  epoch e has e + 1 ranks that take turns; {page} is then the page of that rank
-- A template with only {page} repeats its URLs; with {epoch} or {world_size}, no URL occurs twice.

local template, pages, firstEpoch
local repeated
-- wrk calls request() once to validate it, before it sends anything.
local number = -2

function init (args)
  template, pages, firstEpoch = args[1], tonumber(args[2]), tonumber(args[3])
  if template:find('{epoch}', 1, true) or template:find('{world_size}', 1, true) then return end
  repeated = {}
  for page = 0, pages - 1 do repeated[page] = format(page) end
end

function request ()
  number = number + 1
  local n = math.max(number, 0)
  return repeated and repeated[n % pages] or format(n)
end

function format (n)
  local epoch, page = firstEpoch + math.floor(n / pages), n % pages
  local values = { page = page, epoch = epoch }
  if template:find('{rank}', 1, true) then
    local size = epoch + 1
    values = { page = math.floor(page / size), rank = page % size, world_size = size }
  end
  local path = template:gsub('{([%w_]+)}', values)
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
