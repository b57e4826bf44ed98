// What Segment's snippet leaves for the SDK: its options, and a list of the calls made before it has loaded.
// The page's query says host, key, and `batching` for that way of delivery.
function before(...calls) {
  const query = new URLSearchParams(location.search)
  const host = query.get('host')
  const destination = { apiHost: `${host}/v1`, protocol: 'http' }
  if (query.has('batching'))
    destination.deliveryStrategy = { strategy: 'batching', config: { size: 100, timeout: 500 } }

  window.analytics = calls
  analytics._writeKey = query.get('key')
  analytics._cdn = `http://${host}`
  analytics._loadOptions = { integrations: { 'Segment.io': destination } }
}
