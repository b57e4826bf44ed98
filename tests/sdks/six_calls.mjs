// Makes each of the six calls once, by the Node SDK. Arguments: host, write key, the track call's time.
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, timestamp] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey })
const userId = 'u-1'

analytics.identify({ userId, traits: { plan: 'gold' } })
analytics.track({ userId, event: 'Order Completed', properties: { revenue: 39.95 }, timestamp: new Date(timestamp) })
analytics.page({ userId, name: 'Pricing', properties: { path: '/pricing' } })
analytics.screen({ userId, name: 'Settings' })
analytics.group({ userId, groupId: 'acme', traits: { industry: 'Tea' } })
analytics.alias({ userId, previousId: 'a-1' })
await analytics.closeAndFlush()
