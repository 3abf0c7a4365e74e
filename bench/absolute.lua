-- wrk as a client of a forward proxy: the request line holds the whole URL of the origin.
-- Arguments: the URL. Prints one line of JSON at the end.

local url

function init(args)
   url = args[1]
   local authority = url:match("^http://([^/]+)")
   request_bytes = wrk.format("GET", url, { ["Host"] = authority })
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
