/** Writes down what the real Better Auth answers: `node --import tsx test/support/record-passkeys.ts http://127.0.0.1:4180`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../src/config/folders.ts'
import { passkeyStory } from './passkey-story.ts'

const [, , url = ''] = process.argv
const calls = await passkeyStory(url)
writeFileSync(join(ROOT, 'test/support/better-auth-passkeys.json'), `${JSON.stringify(calls, null, 2)}\n`)
