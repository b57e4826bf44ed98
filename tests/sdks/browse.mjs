// Opens the page of each line of standard input, {"url": …, "slow": milliseconds}, in a new profile of Chromium; an
// empty line closes it. When that is done, prints the hosts that the page has asked. Argument: the browser's path.
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    // Whatever a page asks for, nothing leaves this machine.
    '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  ],
})
let context
let hosts = new Set()
for await (const line of createInterface({ input: process.stdin })) {
  await context?.close()
  context = undefined
  if (line) await open(JSON.parse(line))
  console.log(JSON.stringify([...hosts]))
}
await browser.close()

async function open({ url, slow }) {
  context = await browser.newContext()
  if (slow) await context.clock.install({ time: Date.now() - slow })
  hosts = new Set()
  const page = await context.newPage()
  page.on('request', (request) => hosts.add(new URL(request.url()).host))
  page.on('console', (message) => console.error(message.text()))
  page.on('pageerror', (error) => console.error(error))
  await page.goto(url)
}
