-- wrk with a request of its own: to a forward proxy, the request line holds the whole URL of the origin.
-- Arguments: the request's target, the host. Prints one line of JSON at the end.

local request_bytes

function init(args)
   request_bytes = wrk.format("GET", args[1], { ["Host"] = args[2] })
end

function request()
   return request_bytes
end

function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "bytes": %d, "microseconds": %d, "errors": %d, "median_latency": %d}\n',
      summary.requests, summary.bytes, summary.duration,
      e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50)))
end
