// Makes so many track calls by the Node SDK, and prints a line a request: {"size": messages, "retry": its number}.
// Arguments: host, write key, how many calls.
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, count] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey })
analytics.on('http_request', ({ body, headers }) => {
  const retry = Number(headers['X-Retry-Count'] ?? 0)
  console.log(JSON.stringify({ size: JSON.parse(body).batch.length, retry }))
})
analytics.on('error', ({ reason }) => console.error(reason))

for (let n = 0; n < Number(count); n++) analytics.track({ userId: `u-${n}`, event: 'Tried' })
await analytics.closeAndFlush({ timeout: 20_000 })
