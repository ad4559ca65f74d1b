/** Ports that are looked for: free ones, and none that the system may give to an outgoing connection a moment later. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, it } from 'node:test'
import { freePort } from '../../src/database/embedded/port.ts'

/** Where Linux begins with outgoing connections, unless somebody has set it. */
const OUTGOING_FROM = 32_768

it('a free port can be listened on, is another one each time, and none of those for outgoing connections', async () => {
  const ports: number[] = []
  for (let times = 0; times < 20; times += 1) ports.push(await freePort())
  assert.equal(new Set(ports).size, ports.length)
  for (const port of ports) {
    assert.ok(port < OUTGOING_FROM, `${port}`)
    const server = createServer().listen(port, '127.0.0.1')
    await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
    after(() => server.close())
  }
})
