/**
 * The calls of Better Auth's `passkey` plugin: the same status, the same shape of data, the same code of error as the real server
 * gives. What differs on purpose is said at the call.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { passkey } from '@better-auth/passkey'
import { startApp } from '../../support/app.ts'
import { serveBetterAuth } from '../../support/better-auth-server.ts'
import { type Calls, passkeyStory } from '../../support/passkey-story.ts'

const app = await startApp({}, { atPublicUrl: true })
const site = await serveBetterAuth((url) => passkey({ rpID: '127.0.0.1', origin: url }))

const UNREADABLE = {
  answer: { status: 400, code: 'FAILED_TO_VERIFY_REGISTRATION' },
  why: 'a wrong answer of a client is not a fault of the server',
}
const NOT_THERE = {
  answer: { status: 404, code: 'PASSKEY_NOT_FOUND' },
  why: 'nobody learns which ids there are',
}

/** What this server says instead, and why. */
const DIFFERENT: Record<string, { answer: { status: number; code: string }; why: string }> = {
  'add: for another origin': UNREADABLE,
  'add: for another site': UNREADABLE,
  'add: what a login signs': UNREADABLE,
  'rename: of somebody else': NOT_THERE,
  'remove: of somebody else': NOT_THERE,
  'sign in: signed by another key': {
    answer: { status: 400, code: 'AUTHENTICATION_FAILED' },
    why: 'one status for all that an authenticator can sign wrongly',
  },
}

/** The messages of a validation are those of another version of zod. A database that leaves null out has no `image`. */
function comparable(call: Calls[string] | undefined) {
  const { status, code, message } = call?.error ?? {}
  const data = JSON.stringify(call?.data).replaceAll('"image":"null",', '')
  return { data, error: { status, code, message: code === 'VALIDATION_ERROR' ? '' : message } }
}

it('the client hears the same of this server as of the real one', async () => {
  const ours = await passkeyStory(app.url)
  const theirs = await passkeyStory(site.url)
  assert.deepEqual(Object.keys(ours), Object.keys(theirs))
  for (const name of Object.keys(theirs)) {
    const different = DIFFERENT[name]
    if (different === undefined) {
      assert.deepEqual(comparable(ours[name]), comparable(theirs[name]), name)
      continue
    }
    const { status, code } = ours[name]?.error ?? {}
    assert.deepEqual({ status, code }, different.answer, `${name}: ${different.why}`)
    assert.notDeepEqual(comparable(ours[name]), comparable(theirs[name]), `${name} is the same now`)
  }
})
