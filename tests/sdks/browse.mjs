// Opens the page of each line of standard input, {"url": …, "slow": milliseconds}, in a new profile of Chromium, and
// prints a line when it has loaded; an empty line closes it. Argument: the browser's path.
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
for await (const line of createInterface({ input: process.stdin })) {
  await context?.close()
  context = undefined
  if (line) await open(JSON.parse(line))
  console.log('done')
}
await browser.close()

async function open({ url, slow }) {
  context = await browser.newContext()
  if (slow) await context.clock.install({ time: Date.now() - slow })
  const page = await context.newPage()
  page.on('console', (message) => console.error(message.text()))
  page.on('pageerror', (error) => console.error(error))
  await page.goto(url)
}
